"""`live-cam check`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from live_cam.models.openvino_files.network import OpenVinoNetwork
from live_cam.models.preprocessing import NONE
from tests.models.openvino_files.graphs import HEIGHT, LINEAR, WIDTH

pytestmark = pytest.mark.slow


@pytest.fixture
def onnx_file(tmp_path):
    (tmp_path / "labels.txt").write_text("cup\nmug\nñandú\nrhea\nemu\n", "utf-8")
    return LINEAR["softmax"]().write(tmp_path / "birds.onnx")


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
    return paths


def test_both_predictions_stand_side_by_side(live_cam, onnx_file, images):
    result = live_cam("check", onnx_file, *images, "--preprocess", "0..1")
    assert (result.status, result.stderr) == (0, "")
    first, heading, *rows, _, _, _, _, _, hint, verdict = result.stdout.splitlines()
    assert first.startswith(f"{images[0]}: at most ")
    assert heading.split() == ["predict", "alone", "explained"]
    for row in rows:
        score, label, *again = row.split()
        assert [score, label] == again
    assert hint == "to check the preprocessing as well, give 3 or more images that differ"
    assert verdict.startswith("agrees: at most ")
    assert verdict.endswith("apart, in float32")


def test_json_of_a_step_that_differs(live_cam, onnx_file, images, monkeypatch):
    with_pixels = OpenVinoNetwork.with_pixels
    monkeypatch.setattr(OpenVinoNetwork, "with_pixels", lambda self, _: with_pixels(self, NONE))
    result = live_cam("check", onnx_file, *images, "--preprocess", "-1..1", "--json")
    assert result.status == 1
    report = json.loads(result.stdout)
    assert report["agrees"] is False
    assert report["difference"] > report["tolerance"] == 1e-3
    assert [each["image"] for each in report["images"]] == [str(path) for path in images]
    assert {score["label"] for each in report["images"] for score in each["predict"]} <= {
        *("cup", "mug", "ñandú", "rhea", "emu")
    }


def test_what_can_not_be_checked_is_one_line(live_cam, onnx_file, images, tmp_path):
    assert "leave out --model" in live_cam("check", onnx_file, images[0], "--model", "resnet50").error(2)
    assert "missing.png" in live_cam("check", onnx_file, images[0], tmp_path / "missing.png").error(1)
    assert "no model file" in live_cam("check", tmp_path / "missing.onnx", images[0]).error(1)


def test_the_default_network_is_run_by_keras_in_a_process_of_its_own(live_cam, lion):
    result = live_cam("check", "resnet50", lion, "--json")
    report = json.loads(result.stdout)
    assert (result.status, report["agrees"], report["precision"]) == (0, True, "float32")
    assert report["images"][0]["predict"][0]["label"] == "lion"
