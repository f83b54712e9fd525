"""What is explained is what each kind of model says by itself, and a step that is wrong is found."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest

from live_cam.api.check import check_model
from live_cam.explain.explainer import Explainer
from live_cam.explain.runtime.fold_batch_norm import fold_batch_norm
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.openvino_files.network import OpenVinoNetwork
from live_cam.models.preprocessing import NONE
from live_cam.models.weights.find import silent
from live_cam.types import Frame
from tests.api.check_models import MODELS, seeded, two_outputs
from tests.models.keras_files.keras2_models import (
    caffe_preprocessing,
    functional_with_operators,
    half_precision,
    randomized,
)
from tests.models.keras_files.saving import save
from tests.models.keras_files.test_teachable import exported, zipped  # noqa: F401
from tests.models.openvino_files.graphs import LINEAR, OTHERS, GraphWriter
from tests.models.openvino_files.test_tflite import convert  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def empty_cache(tasks_here, monkeypatch, tmp_path):
    """Networks of the same weights are opened and converted anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def check():
    """`check(path, runtime="openvino", preprocess=None, ...)`: the report for three images."""

    def run(path, runtime="openvino", alike=False, **options):
        model = open_model(path, ModelOptions(**options), silent)
        rng = np.random.default_rng(1)
        levels = rng.uniform(0, 255, (3, 1, 1, 3)) + rng.uniform(-80, 80, (3, *model.classifier.input_px, 3))
        frames = [Frame(each, pts_ns=0) for each in levels.clip(0, 255).astype(np.uint8)]
        report = check_model(model, Explainer(model, runtime=runtime, precision="float32"), frames)
        assert alike or np.ptp(report.own, axis=0).max() > 1e-5
        return report

    return run


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        *((name, "openvino") for name in MODELS),
        *((name, "tensorflow") for name in ("nested", "half_precision")),
    ],
)
def test_each_kind_of_keras_model_agrees(check, tmp_path, name, runtime):
    save(seeded(MODELS[name]()), tmp_path / "model.keras")
    report = check(tmp_path / "model.keras", runtime, output="kind" if name == "two_outputs" else None)
    assert report.agrees, report.as_lines()
    assert report.tolerance == (1e-2 if name == "half_precision" else 1e-3)
    assert name == "half_precision" or report.differences.max() < 1e-5


@pytest.mark.parametrize("build", [functional_with_operators, caffe_preprocessing, half_precision])
def test_models_of_keras_2_agree(check, tmp_path, build):
    save(randomized(build()), tmp_path / "model.h5")
    report = check(tmp_path / "model.h5")
    assert report.agrees, report.as_lines()
    assert report.tolerance == (1e-2 if build is half_precision else 1e-3)


def test_teachable_machine_agrees(check, exported):  # noqa: F811
    report = check(zipped(exported[0]), alike=True)  # its weights are random
    assert report.agrees, report.as_lines()
    assert report.labels == ("Cup", "Coffee mug", "Ñandú 3")


@pytest.mark.parametrize("name", ["softmax", "sigmoids", "grey", "nhwc", "float16", "flattened", "two_dense"])
def test_graphs_of_onnx_agree(check, tmp_path, name):
    writer = (OTHERS | LINEAR)[name]()
    report = check(writer.write(tmp_path / "model.onnx"), preprocess="-1..1")
    assert report.agrees, report.as_lines()
    rounds = name == "float16"
    assert report.tolerance == (1e-2 if rounds else 1e-3)
    assert rounds or report.differences.max() < 1e-5


def test_inputs_of_bytes_one_sigmoid_and_an_openvino_file_agree(check, tmp_path):
    writer = GraphWriter(dtype=np.uint8).add("DequantizeLinear", np.float32(1 / 64), np.uint8(128)).features()
    path = writer.pooled().dense(8, 1).add("Sigmoid").write(tmp_path / "model.onnx")
    assert check(path).agrees
    ov.save_model(ov.Core().read_model(path), tmp_path / "model.xml", compress_to_fp16=True)
    assert check(tmp_path / "model.xml").agrees


@pytest.mark.parametrize(("head", "kind"), [("pooled", "float32"), ("pooled", "int8"), ("flattened", "uint8")])
def test_tflite_agrees(check, convert, head, kind):  # noqa: F811
    report = check(convert(head, kind)[0])
    assert report.agrees, report.as_lines()


def test_a_step_with_another_preprocessing_differs(check, tmp_path, monkeypatch):
    with_pixels = OpenVinoNetwork.with_pixels
    monkeypatch.setattr(OpenVinoNetwork, "with_pixels", lambda self, _: with_pixels(self, NONE))
    report = check(LINEAR["softmax"]().write(tmp_path / "model.onnx"), preprocess="-1..1")
    assert not report.agrees
    assert report.verdict.startswith("differs: up to ")
    assert report.as_json()["agrees"] is False


@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_a_step_with_the_wrong_weights_differs(check, tmp_path, monkeypatch, runtime):
    def fold_wrongly(*arguments):
        folded = fold_batch_norm(*arguments)
        kernel = next(each for each in folded.trainable_variables if each.path.endswith("kernel"))
        kernel.assign(kernel * 1.05)
        return folded

    monkeypatch.setattr("live_cam.explain.runtime.step_graph.fold_batch_norm", fold_wrongly)
    save(seeded(MODELS["sequential"]()), tmp_path / "model.keras")
    assert not check(tmp_path / "model.keras", runtime).agrees


def test_the_other_of_two_outputs_agrees(check, tmp_path):
    save(seeded(two_outputs()), tmp_path / "model.keras")
    assert check(tmp_path / "model.keras", "tensorflow", output="hue").agrees
