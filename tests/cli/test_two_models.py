"""`--model` twice."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.colour_models import RED, paint_picture


@pytest.fixture
def pictures(tmp_path) -> tuple[Path, Path]:
    """A picture of which the models say different things, and one that is red to both."""
    mixed, red = tmp_path / "mixed.png", tmp_path / "red.png"
    Image.fromarray(paint_picture()).save(mixed)
    Image.new("RGB", (48, 32), RED).save(red)
    return mixed, red


def models(colour_models):
    return [word for path in colour_models for word in ("--model", path)]


@pytest.mark.slow
def test_both_answers_are_told_and_whether_they_agree(live_cam, colour_models, pictures):
    mixed, red = pictures
    result = live_cam("explain", mixed, red, *models(colour_models), "--target", "green")
    lines = result.stdout.splitlines()
    assert (result.status, result.stderr) == (0, "")
    assert [line for line in lines if not line.startswith("  ")] == [
        str(mixed),
        "primary: explained is green",
        "warm: explained is yellow",
        "disagree: primary says red 100 % (it has no class yellow), warm says yellow 52 %",
        "warm has no class green: its map explains yellow",
        str(red),
        "primary: explained is green",
        "warm: explained is Red",
        "agree: red",
        "warm has no class green: its map explains Red",
    ]
    assert [line.split()[1] for line in lines[2:5]] == ["red", "green", "blue"]
    assert [line.split()[1] for line in lines[6:8]] == ["yellow", "Red"]


@pytest.mark.slow
def test_json_and_picture_hold_both(live_cam, colour_models, pictures, tmp_path):
    out = tmp_path / "out.png"
    labels = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, text in zip(labels, ("rouge\nvert\nbleu", "rouge\njaune"), strict=True):
        path.write_text(text, "utf-8")
    options = ["--contrast", "bleu", "--labels", labels[0], "--labels", labels[1], "--json", "-o", out]
    result = live_cam("explain", pictures[0], *models(colour_models), *options)
    assert (result.status, result.stderr) == (0, "")
    content = json.loads(result.stdout)
    first, second = content["models"]
    assert (content["image"], content["agree"]) == (str(pictures[0]), False)
    assert [each["model"]["name"] for each in (first, second)] == ["primary", "warm"]
    assert len({each["model"]["weights_sha256"] for each in (first, second)}) == 2
    assert [each["top"][0]["label"] for each in (first, second)] == ["rouge", "jaune"]
    # Both explain what the first says, and the second lacks the contrast.
    assert [(each["target"]["label"], each["contrast"]) for each in (first, second)] == [
        ("rouge", {"index": 2, "label": "bleu"}),
        ("rouge", None),
    ]
    with Image.open(out) as image:
        picture = np.asarray(image).astype(int)
    height, width = picture.shape[:2]
    scene = paint_picture()
    gap = width - 2 * scene.shape[1]
    assert 0 < gap < 20
    assert height > scene.shape[0]
    names = picture[: height - scene.shape[0]]
    left, right = names[:, : scene.shape[1]], names[:, scene.shape[1] + gap :]
    assert left.min() < 60
    assert right.min() < 60
    overlays = picture[-scene.shape[0] :]
    assert not np.array_equal(overlays[:, : scene.shape[1]], overlays[:, scene.shape[1] + gap :])


@pytest.mark.slow
def test_models_of_one_name_are_told_apart(live_cam, colour_models, pictures, tmp_path):
    again = tmp_path / colour_models[0].name
    again.write_bytes(colour_models[0].read_bytes())
    result = live_cam("explain", pictures[1], "--model", colour_models[0], "--model", again, "--json")
    names = [each["model"]["name"] for each in json.loads(result.stdout)["models"]]
    assert names == ["primary", "primary (2)"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("explain", "a.png", "--model", "a", "--model", "b", "--model", "c"), "3 models are more than the two"),
        (("explain", "a.png", "--model", "a", "--labels", "b", "--labels", "c"), "--labels is given 2 times"),
        (
            ("explain", "a.png", "--model", "a", "--model", "b", "--layer", "c", "--layer", "d", "--layer", "e"),
            "3 times",
        ),
        (("explain", "a.png", "--model", "a", "--model", "b", "--save-map", "c.npz"), "--save-map takes one --model"),
        (("bench", "--model", "a", "--model", "b"), "this command takes one --model"),
        (("layers", "--model", "a", "--model", "b"), "this command takes one --model"),
    ],
)
def test_what_two_models_are_not_for(live_cam, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in live_cam(*words).error(2)
    assert list(tmp_path.iterdir()) == []


def test_annotate_takes_one_model(live_cam, tmp_path):
    clip = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    words = ("annotate", clip, "-o", tmp_path / "out.mp4", "--model", "a", "--model", "b")
    assert "this command takes one --model" in live_cam(*words).error(2)
    assert list(tmp_path.iterdir()) == [clip]
