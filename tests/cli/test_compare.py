"""`live-cam compare`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.colour_models import RED, YELLOW, write_colour_model

GREEN, BLUE = (20, 220, 20), (20, 20, 220)


@pytest.fixture
def folder(tmp_path):
    """Three pictures of two classes, in 96x64: a red one, one that is green at the left, and one that is red there."""
    paint(tmp_path / "pictures/red/whole.png", RED, RED)
    paint(tmp_path / "pictures/red/part.png", RED, BLUE)
    paint(tmp_path / "pictures/green/leaf.png", GREEN, YELLOW)
    return tmp_path / "pictures"


def paint(path, left, right):
    pixels = np.full((64, 96, 3), right, np.uint8)
    pixels[:, :64] = left
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def old(colour_models):
    return colour_models[0]


@pytest.fixture
def new(tmp_path):
    """The same network in another file."""
    return write_colour_model(tmp_path / "new.onnx", ["red", "green", "blue"], pooled=True, layer="other")


@pytest.mark.slow
def test_a_model_that_answers_and_looks_the_same_passes(live_cam, folder, old, new):
    result = live_cam("compare", old, new, folder, "--fail-under", "0.999", "--max-accuracy-drop", "0")
    assert (result.status, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "primary -> new, 3 pictures",
        "accuracy         100.0% -> 100.0% of 3",
        "same answer      100.0%",
        "map correlation  median 1.000, 10th percentile 1.000, least 1.000",
    ]
    assert lines[4] == "moved most:"
    assert sorted(line.split()[1] for line in lines[5:]) == ["green/leaf.png:", "red/part.png:", "red/whole.png:"]


@pytest.mark.slow
def test_a_model_that_looks_elsewhere_is_found_out(live_cam, folder, old, new, tmp_path, caplog):
    # The new one calls red blue and blue red, and so sees red where it is blue.
    boxes, out = tmp_path / "boxes.csv", tmp_path / "out"
    boxes.write_text("path,left,top,right,bottom\nred/part.png,0,0,64,64\ngone.png,0,0,1,1\n", "utf-8")
    labels = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, text in zip(labels, ("red\ngreen\nblue", "blue\ngreen\nred"), strict=True):
        path.write_text(text, "utf-8")
    options = ("--boxes", boxes, "--labels", labels[0], "--labels", labels[1], "-o", out, "--top", "2")
    result = live_cam("compare", old, new, folder, *options, "--fail-under", "0.9", "--json")
    content = json.loads(result.stdout)
    assert result.status == 1
    assert "names 1 pictures that are not in" in caplog.text
    assert "the median map correlation 0.0000 is under 0.9" in result.stderr
    assert (content["accuracy"], content["agreement"]) == ({"old": 1.0, "new": 0.333333}, 0.333333)
    moved, vanished, kept = content["pictures"]
    assert [moved["picture"], vanished["picture"], kept["picture"]] == [
        "red/part.png",
        "red/whole.png",
        "green/leaf.png",
    ]
    assert moved["map_correlation"] < -0.99
    assert (moved["old"]["explained"], moved["new"]["explained"]) == ("red", "red")
    assert (moved["old"]["answer"]["label"], moved["new"]["answer"]["label"]) == ("red", "blue")
    assert (moved["old"]["on_object"], moved["new"]["on_object"]) == pytest.approx((1.0, 0.0), abs=0.05)
    assert vanished["map_correlation"] == 0.0
    assert kept["map_correlation"] == pytest.approx(1.0)
    assert {each["n"] for each in content["on_object"].values()} == {1}
    assert sorted(path.name for path in out.iterdir()) == ["1-part.png", "2-whole.png"]
    with Image.open(out / "1-part.png") as pair:
        assert pair.width > 2 * 96
        assert pair.height > 64


@pytest.mark.slow
def test_models_of_other_classes_are_compared_by_names(live_cam, folder, colour_models):
    result = live_cam("compare", *colour_models, folder, "--json")
    content = json.loads(result.stdout)
    assert (result.status, result.stderr) == (0, "")
    assert content["notes"] == ["warm has no class 'green': it is wrong in 1 pictures"]
    by_name = {each["picture"]: each for each in content["pictures"]}
    assert by_name["green/leaf.png"]["new"]["explained"] == "yellow"
    assert by_name["green/leaf.png"]["new"]["correct"] is False
    assert by_name["red/whole.png"]["agree"] is True
    assert by_name["red/whole.png"]["new"]["explained"] == "Red"


@pytest.mark.slow
def test_broken_pictures_are_told_and_left_out(live_cam, folder, old, new):
    (folder / "red" / "broken.jpg").write_text("no image")
    (folder / "red" / "notes.txt").write_text("no image, either")
    result = live_cam("compare", old, new, folder, "--max-accuracy-drop", "0")
    assert result.status == 0
    (error,) = result.stderr.splitlines()
    assert "broken.jpg" in error
    assert result.stdout.startswith("primary -> new, 3 pictures, 1 left out\n")


@pytest.mark.slow
def test_more_pictures_than_a_batch_and_folders_that_are_no_classes(live_cam, tmp_path, old, new):
    for number in range(19):
        paint(tmp_path / f"set/holiday/{number}.png", RED, (number, 20, 20))
    result = live_cam("compare", old, new, tmp_path / "set", "--json")
    content = json.loads(result.stdout)
    assert (content["pictures_n"], content["accuracy"]) == (19, None)
    (note,) = content["notes"]
    assert note.startswith("no class is called 'holiday'")
    assert note.endswith("(counted without a true class: 19 of 19 pictures)")
    error = live_cam("compare", old, new, tmp_path / "set", "--max-accuracy-drop", "0").error(2)
    assert "no subfolder" in error


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("missing",), 1, "missing does not exist"),
        (("empty",), 1, "empty holds no picture"),
        (("pictures", "--boxes", "none.csv"), 1, "none.csv can't be read"),
        (("pictures", "--boxes", "text.csv"), 2, "text.csv line 1 is 'red/part.png,1,2'"),
        (("pictures", "--boxes", "flipped.csv"), 2, "flipped.csv line 2: the box of 'red/part.png' is empty"),
        (("pictures", "--boxes", "others.csv"), 2, "names 1 pictures that are not in pictures, such as 'part.png'"),
        (("pictures", "-o", "empty"), 1, "empty already exists"),
        (("pictures", "--fail-under", "90"), 2, "--fail-under"),
        (("pictures", "--model", "x"), 2, "--model"),
    ],
)
def test_what_is_wrong_is_said_before_a_model_is_opened(live_cam, folder, monkeypatch, words, status, message):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "empty").mkdir()
    for name, text in {
        "text.csv": "red/part.png,1,2\n",
        "flipped.csv": "path,left,top,right,bottom\nred/part.png,9,0,3,5\n",
        "others.csv": "part.png,0,0,3,5\n",
    }.items():
        (folder.parent / name).write_text(text, "utf-8")
    assert message in live_cam("compare", "old.onnx", "new.onnx", *words).error(status)
