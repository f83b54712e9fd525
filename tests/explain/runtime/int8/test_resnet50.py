"""The real ResNet50 in int8, on pictures that its ranges were not measured on."""

import hashlib
from typing import Any

import numpy as np
import pytest

from live_cam.cli.held_out import held_out_crops
from live_cam.errors import UsageError
from live_cam.explain.runtime.int8.agreement import Agreement, measure_agreement
from live_cam.explain.runtime.int8.backend import find_ranges
from live_cam.explain.runtime.int8.step import Int8Step
from live_cam.explain.runtime.int8.table import RangeTable
from live_cam.explain.runtime.select import select_backend
from live_cam.files import atomic_file
from live_cam.models.layers import DEFAULT_LAYER
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from tests.conftest import CACHE

pytestmark = pytest.mark.slow

TOP = np.zeros((1, 1, 1000), np.float32)


@pytest.fixture(scope="module")
def model(weights):
    return open_model(None, ModelOptions(), silent)


@pytest.fixture(scope="module")
def step(model):
    return select_backend(model, runtime="openvino", precision="int8").make_step((DEFAULT_LAYER,))


class Answers:
    """What float32 says to pictures, one after the other, as a step.

    It takes most of the time, and is the same as long as its converted step and the pictures are: it is kept in the
    user's cache, and each tenth picture is explained again.
    """

    def __init__(self, float32, pictures):
        float32.prepare(1, 1)
        self.classes = float32.classes
        digest = hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest()[:16]
        path = CACHE / "test-answers" / f"{float32.find_converted(1, 1).parent.name}-{digest}.npz"
        if path.exists():
            with np.load(path) as arrays:
                answers = list(zip(arrays["maps"], arrays["logits"], strict=True))
            for picture, answer in zip(pictures[::10], answers[::10], strict=True):
                for kept, found in zip(answer, float32([picture], TOP), strict=True):
                    np.testing.assert_allclose(kept, found, atol=1e-3 * np.abs(found).max())
        else:
            answers = [float32([picture], TOP) for picture in pictures]
            maps, logits = zip(*answers, strict=True)
            with atomic_file(path) as file:
                np.savez(file, maps=maps, logits=logits)
        self._answers = iter(answers)

    def __call__(self, _frames, _targets):
        return next(self._answers)


def test_maps_and_classes_pass_the_gates_on_held_out_crops(step, model):
    crops = held_out_crops()
    float32: Any = Answers(step.float32, crops)
    agreement = measure_agreement(step.int8, float32, crops, model.classifier)
    assert agreement.failures == []
    assert agreement.pictures_n == 324
    # What the table says of itself was measured by the same code, on another processor perhaps.
    recorded = RangeTable.read(find_ranges(model)).agreement
    assert agreement.map_median == pytest.approx(recorded["map_median"], abs=5e-4)


def test_the_head_reads_the_very_activation_that_is_returned(step, values, photographs):
    kernel, bias = values["predictions/kernel"], values["predictions/bias"]
    for photograph in photographs.values():
        activation, logits = step.int8.activations([photograph])
        assert np.abs(activation.mean(axis=(1, 2)) @ kernel + bias - logits).max() < 1e-3


def test_weights_are_stored_as_int8(step):
    converted = step.int8.read_converted(1, 1)
    assert 25_000_000 < len(converted.weights) < 33_000_000


def test_it_gives_way_to_float32(model, photographs):
    step = select_backend(model, runtime="openvino", precision="int8").make_step((DEFAULT_LAYER,))
    assert isinstance(step, Int8Step)
    in_int8, _ = step([photographs["lion"]], TOP)
    exact, _ = step.float32([photographs["lion"]], TOP)
    assert not np.array_equal(in_int8, exact)
    assert step.precision == "int8"
    step.give_way()
    assert step.precision == "float32"
    assert np.array_equal(step([photographs["lion"]], TOP)[0], exact)


def test_other_layers_stay_in_float32(model):
    step = select_backend(model, runtime="openvino", precision="int8").make_step(("conv4_block6_out",))
    assert not isinstance(step, Int8Step)


def test_what_int8_can_not_do_is_a_usage_error(model, colour_models):
    with pytest.raises(UsageError, match="int8 runs on OpenVINO's CPU"):
        select_backend(model, runtime="tensorflow", precision="int8")
    onnx = open_model(colour_models[0], ModelOptions(), silent)
    with pytest.raises(UsageError, match=r"needs a model file of Keras, which primary is not"):
        select_backend(onnx, precision="int8")
    other = open_model(None, ModelOptions(preprocess="torch"), silent)
    with pytest.raises(UsageError, match="no ranges for resnet50 in int8; measure them with `live-cam calibrate"):
        select_backend(other, precision="int8")


def test_the_gates_name_what_fails():
    good = Agreement(324, 0.9994, 0.998, 0.99, 0.97, 0.9, 0.985, 270, 0.03, 1.0)
    assert good.failures == []
    bad = Agreement(299, 0.9989, 0.996, 0.97, 0.95, 0.9, 0.97, 270, 0.03, 1.0)
    assert [each.split()[0] for each in bad.failures] == [
        "299",
        "map_median",
        "map_p10",
        "map_least",
        "top1",
        "top1_sure",
    ]
