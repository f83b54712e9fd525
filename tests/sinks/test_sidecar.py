import json

import pytest

from live_cam.errors import OutputError
from live_cam.frame import Target
from live_cam.sinks.sidecar import Sidecar, read_end, read_header

SETTINGS = {"opacity": 0.7, "colormap": "viridis"}


def test_a_line_for_the_file_one_a_frame_one_for_the_end(tmp_path, make_explanation):
    sidecar = Sidecar(tmp_path / "video.jsonl", {"method": "gradcam", "settings": SETTINGS})
    sidecar.explained(0, make_explanation(), SETTINGS)
    sidecar.explained(3000, make_explanation(Target(285, 282)), SETTINGS | {"opacity": 0.5})
    sidecar.explained(6000, make_explanation(), SETTINGS | {"opacity": 0.5})
    sidecar.close({"frames": 3})

    lines = [json.loads(line) for line in sidecar.path.read_text("utf-8").splitlines()]
    header, first, second, third, end = lines
    assert header == {"method": "gradcam", "settings": SETTINGS} == read_header(sidecar.path)
    assert first["pts"] == 0
    assert first["top"][0] == {"index": 291, "label": "lion", "probability": 0.9}
    assert len(first["top"]) == 3
    assert first["target"] == {"index": 291, "label": "lion"}
    assert first["versus"] is None
    assert first["strength"] == 1.0
    assert second["target"]["index"] == 285
    assert second["versus"]["index"] == 282
    assert second["settings"]["opacity"] == 0.5
    assert "settings" not in first
    assert "settings" not in third
    assert end == {"end": {"frames": 3}}


def test_each_line_is_on_disk_at_once(tmp_path, make_explanation):
    sidecar = Sidecar(tmp_path / "video.jsonl", {})
    for number in range(3):
        sidecar.explained(number, make_explanation(), {})
        assert json.loads(sidecar.path.read_text("utf-8").splitlines()[-1])["pts"] == number
    sidecar.close({})


def test_what_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "video.jsonl"
    path.write_text("precious")
    with pytest.raises(OutputError, match=r"video\.jsonl can't be written on: File exists"):
        Sidecar(path, {})
    assert path.read_text() == "precious"


def test_any_name_of_a_file_can_be_written_and_read_back(tmp_path):
    names = {"source": "a\u2028b\u0085c \udcff é"}
    sidecar = Sidecar(tmp_path / "video.jsonl", names)
    sidecar.close({"problem": "none"})
    assert read_header(sidecar.path) == names
    assert read_end(sidecar.path) == {"problem": "none"}


@pytest.mark.parametrize("text", ["", "no json\n", "[1]\n"])
def test_a_foreign_file_has_no_header(tmp_path, text):
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    assert read_header(path) == {}
    assert read_header(tmp_path / "missing.jsonl") == {}
    assert read_end(path) == {}
