"""What the script that kills recordings counts as good."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.fixture(scope="module")
def kills():
    spec = spec_from_file_location("kills", Path(__file__).parents[1] / "scripts" / "kills.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(5):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_recording_plays_as_far_as_it_can_be_decoded(kills, film):
    assert kills._times_of_pictures(film) == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    with av.open(film) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    film.write_bytes(film.read_bytes().replace(packets[3], bytes(len(packets[3]))))
    assert kills._times_of_pictures(film) == pytest.approx([0.0, 0.04, 0.08])


def test_what_does_not_play_has_no_pictures(kills, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"")
    assert kills._times_of_pictures(path) == []
    with av.open(tmp_path / "tone.mka", "w") as container:
        container.add_stream("pcm_s16le", rate=48000, layout="mono")
        container.start_encoding()
    assert kills._times_of_pictures(tmp_path / "tone.mka") == []


def test_a_line_that_is_not_whole_counts_for_nothing(kills, tmp_path):
    sidecar = tmp_path / "film.jsonl"
    sidecar.write_text('{"time_base": [1, 1000]}\n{"pts": 40}\n{"pts": 80}\n{"pt')
    assert kills._lines(sidecar) == (2, 0.08)
    sidecar.write_text('{"time_base": [1, 1000]}\n')
    assert kills._lines(sidecar) == (0, 0.0)


@pytest.mark.parametrize(
    ("losses_s", "is_good", "told"),
    [
        ([(0.1, 0.2), (0.3, 1.0)], True, "2 of 2 play; 2 of these"),
        ([(0.1, 0.2)], False, "1 of 2 play; 1 of these"),
        ([(0.1, 0.2), (0.3, 1.1)], False, "2 of 2 play; 1 of these"),
        ([], False, "0 of 2 play; 0 of these"),
    ],
)
def test_only_what_plays_and_lost_little_is_good(kills, capsys, losses_s, is_good, told):
    assert kills._all_good(losses_s, 2) is is_good
    assert told in capsys.readouterr().out
