"""The saliency methods against their papers' formulas, on the small network; the real one is in test_real_network."""

import functools
import inspect
import re
import subprocess
import sys
import typing

import numpy as np
import pytest

from live_cam.explain.saliency.methods import METHODS, fuse
from live_cam.types import CLASSLESS_METHODS, Method
from tests.explain.oracle import (
    FORMULAS,
    assert_close_except_at_kinks,
    explain_with_tape,
    fused,
    relative_error,
    rows,
)
from tests.networks import SMALL_FUSED_LAYERS, SMALL_LAYER, SMALL_LOWER_LAYER

pytestmark = pytest.mark.slow

A, B = 291, 293
METHOD_NAMES = typing.get_args(Method)
SINGLE_LAYER_METHODS = [name for name in METHOD_NAMES if name != "layercam-fused"]
LAYERS = (SMALL_LAYER, SMALL_LOWER_LAYER, "conv2_block1_out")
LABELS = ("lion", "Egyptian cat")


@pytest.fixture(scope="module")
def tape(small_network, inputs, caffe_preprocess):
    """`tape(label, index)`: activations and gradients of all layers, and the logits, of a photograph."""
    from live_cam.models.network import Network

    names = tuple(Network(small_network).activations)

    @functools.cache
    def run(label, index):
        return explain_with_tape(small_network, names, caffe_preprocess(inputs[label][np.newaxis]), index)

    return run


@pytest.fixture(scope="module")
def top_class(tape):
    return lambda label: int(tape(label, A).logits.argmax())


@pytest.fixture(scope="module")
def expected_map(tape):
    """`expected_map(method, layer, label, index)`: the paper's formula, not rectified."""

    @functools.cache
    def compute(method, layer, label, index):
        at = tape(label, index).at
        if method == "layercam-fused":
            return fused([np.maximum(FORMULAS["layercam"](*at[each]), 0.0) for each in SMALL_FUSED_LAYERS])
        return FORMULAS[method](*at[layer])

    return compute


def layers_of(method, layer=SMALL_LAYER):
    return SMALL_FUSED_LAYERS if method == "layercam-fused" else (layer,)


@pytest.fixture(scope="module")
def maps_of(make_step):
    """Explains one frame: `maps_of(method, rgb, targets, layer=SMALL_LAYER)`."""

    def explain(method, rgb, targets, layer=SMALL_LAYER):
        maps, _ = make_step(*layers_of(method, layer))(rgb[np.newaxis], targets, method)
        assert maps.dtype == np.float32
        return maps[0]

    return explain


# --- each method is its paper's ---


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_method_is_the_formula_of_its_paper(tape, expected_map, method, label):
    # By power iteration the component is as accurate as its 16 steps.
    tolerance = 1e-2 if method == "eigencam" else 1e-5
    for layer in LAYERS:
        # Two frames with two targets each, which must not mix; the second frame is the first rotated by 180 degrees.
        pairs = [tape(label, index).at[layer] for index in (A, B)]
        upright = [each.astype(np.float32) for each in (pairs[0][0], np.stack([g for _, g in pairs]))]
        activations, gradients = (np.stack([each, each[..., ::-1, ::-1, :]]) for each in upright)
        maps = METHODS[method].function(activations, gradients)
        assert (maps.shape, maps.dtype) == (gradients.shape[:-1], np.float32)
        for k, index in enumerate((A, B)):
            expected = expected_map(method, layer, label, index)
            assert relative_error(maps[0, k], expected) < tolerance, layer
            assert relative_error(maps[1, k], expected[::-1, ::-1]) < tolerance, layer


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_step_returns_the_map_of_the_paper(maps_of, inputs, top_class, expected_map, method, label):
    maps = maps_of(method, inputs[label], rows({}, {B: 1.0}))
    for found, index in zip(maps, (top_class(label), B), strict=True):
        expected = np.maximum(expected_map(method, SMALL_LAYER, label, index), 0.0)
        assert_close_except_at_kinks(found, expected)
        if method not in ("layercam-fused", "eigencam"):  # no ReLU lies above the last layer
            assert relative_error(found, expected) < 1e-3


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_step_returns_the_map_of_the_paper_at_a_lower_layer(maps_of, inputs, top_class, expected_map, method, label):
    maps = maps_of(method, inputs[label], rows({}, {B: 1.0}), SMALL_LOWER_LAYER)
    for found, index in zip(maps, (top_class(label), B), strict=True):
        assert_close_except_at_kinks(found, np.maximum(expected_map(method, SMALL_LOWER_LAYER, label, index), 0.0))


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_method_cites_its_paper_and_equation(method):
    text = inspect.getdoc(METHODS[method].function)
    assert re.search(r"\([^()]*\b20\d\d\)", text)
    assert re.search(r"\b(equations? \d|section [\dIVX])", text)
    assert re.search(r"LayerCAM .*section [\dIVX]", inspect.getdoc(fuse))


# --- what people read ---


def test_all_methods_are_listed_in_the_order_of_the_options():
    assert tuple(METHODS) == METHOD_NAMES


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_note_is_one_sentence_that_fits_beside_its_control(method):
    note = METHODS[method].note
    assert len(note) <= 120
    assert note.endswith(".")
    assert "\n" not in note


def test_importing_the_methods_imports_no_runtime():
    code = (
        "import sys, live_cam.explain.saliency.methods; print('tensorflow' in sys.modules, 'openvino' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert result.stdout.split() == ["False", "False"], result.stderr


# --- the same in both runtimes ---


def test_openvino_computes_the_gradients_of_every_layer(small_network, inputs, caffe_preprocess, tape, tmp_path):
    """All in one graph, since converting takes long; LayerCAM's formula makes one map of each layer's gradient."""
    import keras
    import openvino as ov
    import tensorflow as tf

    from live_cam.explain.runtime.conversion import convert, save
    from live_cam.explain.runtime.fold_batch_norm import fold_batch_norm
    from live_cam.models.network import Network

    names = list(Network(small_network).activations)
    folded = fold_batch_norm(small_network, names, "float32")
    model = keras.Model(folded.input, [*(folded.get_layer(name).output for name in names), folded.output])

    def explain(prepared, target):
        *features, logits = model(prepared, training=False)
        gradients = tf.gradients(tf.reduce_sum(logits * target), features)
        return [tf.reduce_sum(a * tf.nn.relu(g), axis=-1) for a, g in zip(features, gradients, strict=True)]

    specs = tf.TensorSpec([1, 224, 224, 3]), tf.TensorSpec([1, 1000])
    converted = convert(tf.function(explain, autograph=False).get_concrete_function(*specs))
    # As the step does: read from a file, constants that are used twice have been wrong.
    save(converted, tmp_path / "model.xml")
    compiled = ov.Core().compile_model(tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    for label, index in [(label, index) for label in LABELS for index in (A, B)]:
        request.infer([caffe_preprocess(inputs[label][np.newaxis]), rows({index: 1.0})[0]])
        for i, name in enumerate(names):
            # The names that TensorFlow gives outputs, by which the converter sorts them.
            found = request.get_tensor(f"Identity_{i}:0" if i else "Identity:0").data[0]
            expected = np.maximum(FORMULAS["layercam"](*tape(label, index).at[name]), 0.0)
            assert_close_except_at_kinks(np.maximum(found, 0.0), expected)


# A convolution whose own output is kept, and several layers. Steps are read from disk, where forward pass and gradient
# share each kernel, and OpenVINO once confused the two.
@pytest.mark.parametrize(("method", "layer"), [("layercam", "conv1_conv"), ("layercam-fused", None)])
def test_openvino_step_returns_the_map_of_the_paper(
    make_openvino_step, inputs, tape, top_class, expected_map, method, layer
):
    step = make_openvino_step(*layers_of(method, layer))
    for label in LABELS:
        maps, logits = step(inputs[label][np.newaxis], rows({}, {B: 1.0}), method)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        assert relative_error(logits[0], tape(label, B).logits) < 1e-4
        for found, index in zip(maps[0], (top_class(label), B), strict=True):
            assert_close_except_at_kinks(found, np.maximum(expected_map(method, layer, label, index), 0.0))


# --- properties of the methods ---


def test_eigencam_does_not_depend_on_the_class(maps_of, inputs):
    maps = [maps_of("eigencam", inputs["lion"], rows({}, {index: 1.0})) for index in (A, B)]
    assert maps[0].max() > 0.0
    for found in (maps[0][1], maps[1][0], maps[1][1]):
        np.testing.assert_array_equal(found, maps[0][0])


@pytest.mark.parametrize("method", sorted(set(METHOD_NAMES) - CLASSLESS_METHODS))
def test_every_other_method_depends_on_the_class(maps_of, inputs, method):
    a, b = maps_of(method, inputs["lion"], rows({A: 1.0}, {B: 1.0}))
    assert relative_error(a / a.max(), b / b.max()) > 0.1


@pytest.mark.parametrize("method", ["hirescam", "xgradcam"])
def test_methods_match_grad_cam_at_the_last_layer(maps_of, inputs, method):
    # The head averages over the positions, so that the gradient is the same at each.
    targets = rows({}, {B: 1.0})
    found, expected = maps_of(method, inputs["lion"], targets), maps_of("gradcam", inputs["lion"], targets)
    assert relative_error(found, expected) < 1e-4


@pytest.mark.parametrize("index", [A, B, 0])
def test_hirescam_attributes_the_whole_score_at_the_last_layer(maps_of, inputs, tape, small_network, index):
    positive, negative = maps_of("hirescam", inputs["lion"], rows({index: 1.0}, {index: -1.0}))
    expected = tape("lion", A).logits[index] - small_network.get_layer("predictions").bias.numpy()[index]
    assert abs(positive.sum() - negative.sum() - expected) < 1e-4 * positive.sum()


# --- any frame, any numbers ---


FRAMES = {
    "black": np.zeros((224, 224, 3), np.uint8),
    "white": np.full((224, 224, 3), 255, np.uint8),
    "grey": np.full((224, 224, 3), 128, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_maps_are_finite_and_not_negative(maps_of, method, frame):
    for targets in (rows({}, {A: -1.0}), rows({A: 1.0, B: -1.0}, {})):
        maps = maps_of(method, frame, targets)
        assert np.isfinite(maps).all()
        assert maps.min() >= 0.0


@pytest.mark.parametrize(("activation", "gradient"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_layer_without_activation_or_gradient_has_an_empty_map(method, activation, gradient):
    rng = np.random.default_rng(0)
    for channels in (16, 64):  # fewer than positions, and more
        activations = (activation * rng.standard_normal((1, 7, 7, channels))).astype(np.float32)
        gradients = (gradient * rng.standard_normal((1, 2, 7, 7, channels))).astype(np.float32)
        maps = METHODS[method].function(activations, gradients)
        assert maps.shape == (1, 2, 7, 7)
        if method in CLASSLESS_METHODS and activation:
            assert np.isfinite(maps).all()
        else:
            np.testing.assert_array_equal(maps, 0.0)


def test_empty_maps_do_not_contribute_to_a_fused_map():
    empty, full = np.zeros((1, 2, 8, 8), np.float32), np.ones((1, 2, 4, 4), np.float32)
    np.testing.assert_array_equal(fuse([empty, empty]), 0.0)
    np.testing.assert_allclose(fuse([empty, full]), np.ones((1, 2, 8, 8)), rtol=1e-6)
    # The scale is that of the last layer: what it does not see is not shown.
    np.testing.assert_array_equal(fuse([np.ones((1, 2, 8, 8), np.float32), 0.0 * full]), 0.0)


def test_each_map_is_fused_separately():
    rng = np.random.default_rng(0)
    fine, coarse = (rng.uniform(0.0, 5.0, (2, 3, size, size)).astype(np.float32) for size in (8, 4))
    for place in np.ndindex(2, 3):
        one = tuple(slice(each, each + 1) for each in place)
        np.testing.assert_array_equal(fuse([fine, coarse])[one], fuse([fine[one], coarse[one]]))
        np.testing.assert_allclose(fuse([fine, coarse])[place], fused([fine[place], coarse[place]]), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-15, 1e15])
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_tiny_and_huge_gradients_neither_vanish_nor_overflow(tape, method, scale):
    activations, gradients = tape("lion", A).at[SMALL_LOWER_LAYER]
    gradients = gradients * scale
    one = activations[np.newaxis].astype(np.float32), gradients[np.newaxis, np.newaxis].astype(np.float32)
    tolerance = 1e-2 if method == "eigencam" else 1e-3
    assert relative_error(METHODS[method].function(*one)[0, 0], FORMULAS[method](activations, gradients)) < tolerance


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_component_of_tiny_and_huge_activations_is_the_same(tape, scale):
    activations, gradients = (each[np.newaxis].astype(np.float32) for each in tape("lion", A).at[SMALL_LOWER_LAYER])
    both = (activations, activations * np.float32(scale))
    expected, found = (METHODS["eigencam"].function(each, gradients[np.newaxis]) for each in both)
    np.testing.assert_allclose(found, expected * scale, rtol=1e-4, atol=1e-4 * scale * expected.max())
