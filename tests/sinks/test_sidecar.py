import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from live_cam.errors import OutputError
from live_cam.pipeline.offline.annotate import AnnotateOptions, annotate
from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sinks.sidecar import Sidecar, read_end, read_header
from live_cam.types import Target
from tests.videos import grey, write_video

SETTINGS = {"opacity": 0.7, "colormap": "viridis"}
LION, CAT = 291, 285
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "sidecar.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def read_lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def kind(line):
    """Returns which kind of line this is, by the schema; raises ValidationError if it is none."""
    VALIDATOR.validate(line)
    names = [reference["$ref"].rpartition("/")[2] for reference in SCHEMA["oneOf"]]
    (name,) = [
        name for name in names if VALIDATOR.evolve(schema=SCHEMA | {"oneOf": [SCHEMA["$defs"][name]]}).is_valid(line)
    ]
    return name


@pytest.fixture
def explainer(fake_explainer):
    explainer = fake_explainer()
    explainer.runtime = "openvino"
    return explainer


@pytest.fixture
def run_annotate(explainer, tmp_path):
    """Annotates eight frames and returns the lines of the sidecar: `run_annotate(**options)`."""

    def run(**options):
        video, output = tmp_path / "video.mp4", tmp_path / "out.mp4"
        write_video(video, [grey(20 * number) for number in range(8)])
        annotate(video, output, explainer, AnnotateOptions(**options), lambda *progress: None)
        return read_lines(output.with_suffix(".jsonl"))

    return run


def test_a_header_a_line_per_frame_and_an_end(tmp_path):
    sidecar = Sidecar(tmp_path / "video.jsonl", {"method": "gradcam", "settings": SETTINGS})
    sidecar.write_frame(0, {"evidence": 1.0}, SETTINGS)
    sidecar.write_frame(3000, {"evidence": 0.5}, SETTINGS | {"opacity": 0.5})
    sidecar.write_frame(6000, {"evidence": 0.5}, SETTINGS | {"opacity": 0.5})
    sidecar.close({"frames": 3})
    assert read_lines(sidecar.path) == [
        {"method": "gradcam", "settings": SETTINGS},
        {"pts": 0, "evidence": 1.0},
        {"pts": 3000, "evidence": 0.5, "settings": SETTINGS | {"opacity": 0.5}},
        {"pts": 6000, "evidence": 0.5},
        {"end": {"frames": 3}},
    ]
    assert read_header(sidecar.path) == {"method": "gradcam", "settings": SETTINGS}
    assert read_end(sidecar.path) == {"frames": 3}


def test_each_line_is_on_disk_at_once(tmp_path):
    sidecar = Sidecar(tmp_path / "video.jsonl", {})
    for number in range(3):
        sidecar.write_frame(number, {}, {})
        assert read_lines(sidecar.path)[-1]["pts"] == number
    assert read_end(sidecar.path) == {}  # not finished
    sidecar.close({})


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = tmp_path / "video.jsonl"
    path.write_text("precious")
    with pytest.raises(OutputError, match=r"cannot write video\.jsonl: File exists"):
        Sidecar(path, {})
    assert path.read_text() == "precious"


def test_any_file_name_can_be_written_and_read_back(tmp_path):
    names = {"source": "a\u2028b\u0085c \udcff é"}
    sidecar = Sidecar(tmp_path / "video.jsonl", names)
    sidecar.close({"problem": "none"})
    assert read_header(sidecar.path) == names
    assert read_end(sidecar.path) == {"problem": "none"}


def test_a_header_of_0_1_0_has_todays_names(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_text('{"source":"clip.mp4","versus":null,"against":true,"view":"seen"}\n')
    today = {"source": "clip.mp4", "contrast": None, "counterfactual": True, "view": "overlay"}
    assert read_header(path) == today


def test_a_header_without_resize_is_of_stretched_frames(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_text('{"source":"clip.mp4","score":"logit"}\n')
    assert read_header(path) == {"source": "clip.mp4", "score": "logit", "resize": "stretch"}


@pytest.mark.parametrize("text", ["", "no json\n", "[1]\n"])
def test_other_files_have_neither_header_nor_end(tmp_path, text):
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    assert read_header(path) == {}
    assert read_header(tmp_path / "missing.jsonl") == {}
    assert read_end(path) == {}


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_recording_follows_the_schema(fake_source, explainer, tmp_path, eventually):
    video, sidecar = tmp_path / "video.mp4", tmp_path / "video.jsonl"
    changes: list[tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]] = [
        ({}, lambda line: "pts" in line),
        ({"opacity": 0.5}, lambda line: line.get("settings", {}).get("opacity") == 0.5),
        ({"mode": "contrast", "target": CAT}, lambda line: line.get("contrast") is not None),
        ({"mode": "counterfactual"}, lambda line: line.get("counterfactual")),
        ({"mode": "side_by_side"}, lambda line: line.get("settings", {}).get("second") is not None),
        ({"method": "hirescam"}, lambda line: line["method"] == "hirescam"),
    ]

    def is_written(condition):
        text = sidecar.read_text("utf-8") if sidecar.exists() else ""
        return any(condition(json.loads(line)) for line in text.split("\n")[1:-1])

    with Session([fake_source()], explainer, recording=RecordingOptions(tmp_path)) as session:
        session.settings.change(method="layercam")
        (feed,) = session.feeds
        eventually(lambda: (shown := feed.broadcaster.newest) and shown.explanation.cam_config.method == "layercam")
        session.recordings.start("overlay", video)
        for settings, condition in changes:
            session.settings.change(**settings)
            eventually(lambda condition=condition: is_written(condition))
    header, *frames, end = read_lines(sidecar)
    assert kind(header) == "recordingHeader"
    assert header["method"] == "layercam", "of the first frame, not of the start of the program"
    assert {kind(frame) for frame in frames} == {"frame"}
    assert sum("settings" in frame for frame in frames) == 2
    assert kind(end) == "recordingEnd"
    assert end["end"]["explained"] == len(frames)


@pytest.mark.parametrize(
    ("options", "num_explained"),
    [
        ({}, 8),
        ({"target": Target(LION, CAT), "every": 3, "subtitles": True}, 3),
        ({"target": Target(CAT, counterfactual=True), "classes": frozenset({LION})}, 0),
    ],
)
def test_an_annotated_video_follows_the_schema(run_annotate, options, num_explained):
    header, *frames, end = run_annotate(**options)
    assert kind(header) == "annotateHeader"
    assert [kind(frame) for frame in frames] == ["frame"] * num_explained
    assert kind(end) == "annotateEnd"
    assert end == {"end": {"frames": 8, "explained": num_explained, "problem": ""}}


def test_the_schema_refuses_unknown_keys_and_wrong_values(make_explanation):
    explanation = make_explanation()
    line = {"pts": 0, **explanation.describe()}
    assert kind(json.loads(json.dumps(line))) == "frame"
    wrong = [
        line | {"score": 1.0},
        line | {"pts": -1},
        {key: value for key, value in line.items() if key != "target"},
        {"pts": 0, **replace(explanation, evidence=1.5).describe()},
        {"end": {"frames": 1, "explained": 1}},
    ]
    for each in wrong:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(each)


def test_the_page_shows_lines_of_the_schema():
    """The examples in docs/sidecar.md are lines of a sidecar."""
    _, block, *_ = (DOCS / "sidecar.md").read_text("utf-8").split("```")
    lines = [json.loads(line) for line in block.removeprefix("json\n").splitlines()]
    assert [kind(line) for line in lines] == ["recordingHeader", "frame", "frame", "recordingEnd"]
