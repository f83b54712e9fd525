"""The real ResNet50, once in each runtime and precision, against plain Keras and the papers' formulas."""

import functools
import typing

import cv2
import numpy as np
import pytest

from live_cam.models.layers import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from live_cam.types import Method
from tests.explain.oracle import (
    FORMULAS,
    assert_close_except_at_kinks,
    explain_with_tape,
    fused,
    relative_error,
    rows,
)

pytestmark = pytest.mark.slow

LION, CHEETAH, ESPRESSO = 291, 293, 967
METHODS = typing.get_args(Method)


@pytest.fixture(scope="module")
def tape(network, inputs, caffe_preprocess):
    """`tape(label, index)`: activations and gradients of three layers, and the logits, of a photograph."""

    @functools.cache
    def run(label, index):
        return explain_with_tape(network, FUSED_LAYERS, caffe_preprocess(inputs[label][np.newaxis]), index)

    return run


@pytest.fixture(scope="module")
def expected_map(tape):
    """`expected_map(method, label, index)`: the maps of three layers, fused."""

    @functools.cache
    def compute(method, label, index):
        formula = FORMULAS["layercam" if method == "layercam-fused" else method]
        return fused([np.maximum(formula(*tape(label, index).at[layer]), 0.0) for layer in FUSED_LAYERS])

    return compute


@pytest.fixture(scope="module")
def tensorflow_step(network):
    """The step as on a CPU: frozen, in float32, at three layers at once, so that one graph tests all of them."""
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    return TensorFlowStep(StepGraph(Network(network), FUSED_LAYERS, "logit"), on_gpu=False)


@pytest.fixture(scope="module")
def make_openvino_step(weights):
    """`make_openvino_step(precision, *layers)`: from the user's cache, also in precisions that this CPU emulates."""
    from live_cam.explain.runtime.openvino_backend import openvino_backend

    model = open_model(None, ModelOptions(), silent)

    def make(precision, *layers):
        return openvino_backend(model, "logit", precision, "CPU", "latency").make_step(layers)

    return functools.cache(make)


@pytest.mark.parametrize("method", METHODS)
def test_tensorflow_returns_the_maps_of_the_papers(tensorflow_step, inputs, expected_map, method):
    maps, _ = tensorflow_step(inputs["lion"][np.newaxis], rows({LION: 1.0}), method)
    assert (maps.shape, maps.dtype) == ((1, 1, 28, 28), np.float32)
    assert_close_except_at_kinks(maps[0, 0], expected_map(method, "lion", LION))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("label", "index"), [("lion", LION), ("Egyptian cat", 281)])
def test_openvino_returns_the_maps_of_the_papers(make_openvino_step, inputs, expected_map, method, label, index):
    maps, _ = make_openvino_step("float32", *FUSED_LAYERS)(inputs[label][np.newaxis], rows({index: 1.0}), method)
    assert (maps.shape, maps.dtype) == ((1, 1, 28, 28), np.float32)
    assert_close_except_at_kinks(maps[0, 0], expected_map(method, label, index))


def test_both_runtimes_return_the_logits_of_a_plain_forward_pass(tensorflow_step, make_openvino_step, inputs, tape):
    for label, index in {"lion": LION, "espresso": ESPRESSO}.items():
        expected = tape(label, index).logits
        assert expected.argmax() == index
        for step in (tensorflow_step, make_openvino_step("float32", *FUSED_LAYERS)):
            _, logits = step(inputs[label][np.newaxis], rows({}))
            assert relative_error(logits[0], expected) < 1e-4


@pytest.fixture(scope="module")
def nearly_matches(inputs, tape):
    """Compares Grad-CAM of the top class at the default layer, and the logits, with plain Keras in float32."""

    def compare(step):
        maps, logits = step(inputs["lion"][np.newaxis], rows({}))
        at, expected_logits = tape("lion", LION).at, tape("lion", LION).logits
        expected = np.maximum(FORMULAS["gradcam"](*at[DEFAULT_LAYER]), 0.0)
        assert logits.argmax() == LION
        assert np.corrcoef(logits[0], expected_logits)[0, 1] > 0.99
        assert np.corrcoef(maps.ravel(), expected.ravel())[0, 1] > 0.99
        assert not np.allclose(maps[0, 0], expected, rtol=1e-5)  # it did compute in less than float32

    return compare


def test_tensorflow_in_bfloat16_nearly_matches_float32(network, nearly_matches):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    nearly_matches(TensorFlowStep(StepGraph(Network(network), (DEFAULT_LAYER,), "logit", "bfloat16"), on_gpu=False))


def test_xla_in_float16_nearly_matches_float32(network, nearly_matches):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    nearly_matches(TensorFlowStep(StepGraph(Network(network), (DEFAULT_LAYER,), "logit", "float16"), on_gpu=True))


# The methods differ only in what they make of the same activations and gradients: one that averages the gradients over
# the positions, and one that takes each by itself.
@pytest.mark.parametrize(
    ("layers", "method"), [((DEFAULT_LAYER,), "gradcam"), (FUSED_LAYERS, "layercam")], ids=["default", "fused"]
)
def test_openvino_in_bfloat16_nearly_matches_float32(make_openvino_step, photographs, layers, method):
    for rgb in (photographs["lion"], photographs["espresso"]):
        maps, logits = make_openvino_step("bfloat16", *layers)(rgb[np.newaxis], rows({}), method)
        expected_maps, expected_logits = make_openvino_step("float32", *layers)(rgb[np.newaxis], rows({}), method)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        assert logits.argmax() == expected_logits.argmax()
        assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(("label", "index"), [("lion", CHEETAH), ("Egyptian cat", 281)])
def test_fused_map_shows_what_the_last_layer_shows_but_sharper(make_openvino_step, inputs, label, index):
    frames = inputs[label][np.newaxis]
    for targets in (rows({}), rows({index: 1.0})):
        sharp = make_openvino_step("float32", *FUSED_LAYERS)(frames, targets, "layercam-fused")[0][0, 0]
        coarse = make_openvino_step("float32", DEFAULT_LAYER)(frames, targets, "layercam")[0][0, 0]
        assert (sharp.shape, coarse.shape) == ((28, 28), (7, 7))
        assert np.tanh(2.0) * coarse.max() < 1.0001 * sharp.max() < 1.0002 * coarse.max()
        shrunk = cv2.resize(sharp, (7, 7), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(shrunk.ravel(), coarse.ravel())[0, 1] > 0.9
        enlarged = cv2.resize(coarse, (28, 28), interpolation=cv2.INTER_LINEAR)
        detail, detail_before = (np.abs(np.diff(each / each.max(), axis=0)).mean() for each in (sharp, enlarged))
        assert detail > 1.2 * detail_before
