"""The saliency methods against their papers' formulas, written out in float64 over plain Keras's own gradients."""

import functools
import inspect
import re
import typing
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from live_cam.explain import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.frame import CLASSLESS_METHODS, Method

LION, CHEETAH, CAT, TABBY, ESPRESSO = 291, 293, 285, 281, 967
MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)

METHOD_NAMES = typing.get_args(Method)
SINGLE_LAYER_METHODS = [name for name in METHOD_NAMES if name != "layercam-fused"]
LAYERS = (DEFAULT_LAYER, "conv4_block6_out", "conv2_block3_out")

# Of each photograph the likeliest class, and another one.
ASKED = {"lion": (LION, CHEETAH), "Egyptian cat": (CAT, TABBY)}
QUESTIONS = [(label, index) for label, indices in ASKED.items() for index in indices]


def rows(*targets):
    """Gives targets (1, K, 1000), each the weights by class of one question; an empty one asks for the likeliest."""
    vectors = np.zeros((1, len(targets), 1000), np.float32)
    for row, weights in zip(vectors[0], targets, strict=True):
        for index, weight in weights.items():
            row[index] = weight
    return vectors


def relative_error(found, expected) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def assert_same_but_for_kinks(found, expected):
    """Compares maps of a lower layer.

    Rounding takes a few units across the kink of a ReLU above, and with them the gradient at the few places they see.
    """
    assert found.shape == expected.shape
    assert expected.max() > 0.0
    errors = np.abs(found - expected) / expected.max()
    assert errors.max() < 0.05
    assert errors.mean() < 2e-3


# --- the formulas: activations A and gradients g are float64 (h, w, channels) ---


def grad_cam(A, g):  # noqa: N803 (as the papers write it)
    height, width, channels = A.shape
    weights = [g[:, :, k].sum() / (height * width) for k in range(channels)]
    return sum(weights[k] * A[:, :, k] for k in range(channels))


def hires_cam(A, g):  # noqa: N803
    return np.einsum("ijk,ijk->ij", A, g)


def grad_cam_plus_plus(A, g):  # noqa: N803
    denominator = 2.0 * g**2 + A.sum(axis=(0, 1)) * g**3
    alpha = np.divide(g**2, denominator, out=np.zeros_like(g), where=g != 0.0)
    return A @ (alpha * np.maximum(g, 0.0)).sum(axis=(0, 1))


def xgrad_cam(A, g):  # noqa: N803
    total = A.sum(axis=(0, 1))
    live = total != 0.0
    share = A[:, :, live] / total[live]
    return A[:, :, live] @ (share * g[:, :, live]).sum(axis=(0, 1))


def layer_cam(A, g):  # noqa: N803
    weights = np.where(g > 0.0, g, 0.0)
    return (weights * A).sum(axis=2)


def eigen_cam(A, g):  # noqa: N803
    height, width, channels = A.shape
    left, singular, _ = np.linalg.svd(A.reshape(-1, channels), full_matrices=False)
    projection = (left[:, 0] * singular[0]).reshape(height, width)
    return projection * np.sign(projection.sum())


FORMULAS = {
    "gradcam": grad_cam,
    "hirescam": hires_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "eigencam": eigen_cam,
}


def fused(maps):
    """Joins rectified maps, finest first; those of the lower layers are lifted."""
    height, width = maps[0].shape
    lifted = [np.tanh(2.0 * each / each.max()) for each in maps[:-1]]
    scaled = [*lifted, maps[-1] / maps[-1].max()]
    resized = [cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in scaled]
    return np.maximum.reduce(resized) * maps[-1].max()


# --- what is compared ---


@pytest.fixture(scope="module")
def small(photographs):
    """The photographs at the network's own size, so that resizing plays no part."""
    return {
        label: np.asarray(Image.fromarray(photographs[label]).resize((224, 224), Image.Resampling.BOX))
        for label in ASKED
    }


def prepare(rgb):
    return rgb[np.newaxis, ..., ::-1].astype(np.float32) - MEAN_BGR


@pytest.fixture(scope="module")
def plain(network, small):
    """Looks at a photograph with plain Keras and a gradient tape: `plain(label, index)`.

    It gives `at`, activations and gradients by layer; `layercam`, the map of every layer there is; and `logits`.
    """
    import keras
    import tensorflow as tf

    from live_cam.explain.network import activations

    names = list(activations(network))
    model = keras.Model(network.input, [*(network.get_layer(name).output for name in names), network.output])

    @functools.cache
    def look(label, index):
        with tf.GradientTape() as tape:
            *features, logits = model(prepare(small[label]), training=False)
            score = logits[0, index]
        found = {
            name: (feature.numpy()[0].astype(np.float64), gradient.numpy()[0].astype(np.float64))
            for name, feature, gradient in zip(names, features, tape.gradient(score, features), strict=True)
        }
        return SimpleNamespace(
            at={name: found[name] for name in (*LAYERS, "conv2_block1_add", "conv1_conv")},
            layercam={name: np.maximum(layer_cam(*pair), 0.0) for name, pair in found.items()},
            logits=logits.numpy()[0],
        )

    return look


@pytest.fixture(scope="module")
def expected_map(plain):
    """Gives what the paper's formula makes of a photograph, not rectified: `expected_map(method, layer, label, index)`.

    The method that fuses layers has its own and pays no heed to `layer`.
    """

    @functools.cache
    def compute(method, layer, label, index):
        if method == "layercam-fused":
            return fused([plain(label, index).layercam[each] for each in FUSED_LAYERS])
        return FORMULAS[method](*plain(label, index).at[layer])

    return compute


def layers_of(method, layer=DEFAULT_LAYER):
    return FUSED_LAYERS if method == "layercam-fused" else (layer,)


@pytest.fixture(scope="module")
def maps_of(define):
    """Explains one picture: `maps_of(method, rgb, targets, layer=DEFAULT_LAYER)`.

    It runs what the step on TensorFlow runs, but not frozen, which for the many combinations here would take minutes.
    """
    import tensorflow as tf

    from live_cam.explain.methods import saliency_maps

    traced = functools.cache(lambda layers, k: define(*layers).concrete(1, k))

    def explain(method, rgb, targets, layer=DEFAULT_LAYER):
        layers = layers_of(method, layer)
        outputs = traced(layers, targets.shape[1])(tf.constant(rgb[np.newaxis]), tf.constant(targets))
        *features, _ = (each.numpy() for each in outputs)
        maps = saliency_maps(method, features[: len(layers)], features[len(layers) :])
        assert maps.dtype == np.float32
        return maps[0]

    return explain


# --- each method is its paper's ---


@pytest.mark.parametrize("label", ASKED)
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_a_method_is_the_formula_of_its_paper(plain, expected_map, method, label):
    from live_cam.explain.methods import METHODS

    # By power iteration the component is as good as its 16 steps.
    tolerance = 1e-3 if method == "eigencam" else 1e-5
    for layer in LAYERS:
        # Two frames with two questions each, which must not mix; the second frame is the first turned round.
        pairs = [plain(label, index).at[layer] for index in ASKED[label]]
        upright = [each.astype(np.float32) for each in (pairs[0][0], np.stack([g for _, g in pairs]))]
        activations, gradients = (np.stack([each, each[..., ::-1, ::-1, :]]) for each in upright)
        maps = METHODS[method](activations, gradients)
        assert (maps.shape, maps.dtype) == (gradients.shape[:-1], np.float32)
        for k, index in enumerate(ASKED[label]):
            expected = expected_map(method, layer, label, index)
            assert relative_error(maps[0, k], expected) < tolerance, layer
            assert relative_error(maps[1, k], expected[::-1, ::-1]) < tolerance, layer


@pytest.mark.parametrize("label", ASKED)
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_step_gives_the_map_of_the_paper(maps_of, small, expected_map, method, label):
    likeliest, other = ASKED[label]
    maps = maps_of(method, small[label], rows({}, {other: 1.0}))
    for found, index in zip(maps, (likeliest, other), strict=True):
        expected = np.maximum(expected_map(method, DEFAULT_LAYER, label, index), 0.0)
        assert_same_but_for_kinks(found, expected)
        if method != "layercam-fused":  # no ReLU lies above the last layer
            assert relative_error(found, expected) < 1e-3


@pytest.mark.parametrize("label", ASKED)
@pytest.mark.parametrize(
    ("method", "layer"),
    [
        ("gradcam", "conv2_block3_out"),
        ("hirescam", "conv4_block6_out"),
        ("gradcam++", "conv4_block6_out"),
        ("xgradcam", "conv4_block6_out"),
        ("layercam", "conv2_block3_out"),
        ("eigencam", "conv4_block6_out"),
    ],
)
def test_the_step_gives_the_map_of_the_paper_at_lower_layers(maps_of, small, expected_map, method, layer, label):
    likeliest, other = ASKED[label]
    maps = maps_of(method, small[label], rows({}, {other: 1.0}), layer)
    for found, index in zip(maps, (likeliest, other), strict=True):
        assert_same_but_for_kinks(found, np.maximum(expected_map(method, layer, label, index), 0.0))


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_every_method_names_its_paper_and_the_place_in_it(method):
    from live_cam.explain.methods import METHODS, fuse

    assert set(METHODS) == set(METHOD_NAMES)
    text = inspect.getdoc(METHODS[method])
    assert re.search(r"\([^()]*\b20\d\d\)", text)
    assert re.search(r"\b(equations? \d|section [\dIVX])", text)
    assert re.search(r"LayerCAM .*section [\dIVX]", inspect.getdoc(fuse))


# --- the same in both runtimes ---


def test_openvino_gives_the_same_gradients_at_every_layer(network, small, plain, tmp_path):
    """All in one graph, since converting takes seconds; LayerCAM's formula makes one map of each layer's gradient."""
    import keras
    import openvino as ov
    import tensorflow as tf

    from live_cam.explain.conversion import convert, save
    from live_cam.explain.folding import fold
    from live_cam.explain.network import activations

    names = list(activations(network))
    folded = fold(network, names, "float32")
    model = keras.Model(folded.input, [*(folded.get_layer(name).output for name in names), folded.output])

    def explain(prepared, target):
        *features, logits = model(prepared, training=False)
        gradients = tf.gradients(tf.reduce_sum(logits * target), features)
        return [tf.reduce_sum(a * tf.nn.relu(g), axis=-1) for a, g in zip(features, gradients, strict=True)]

    specs = tf.TensorSpec([1, 224, 224, 3]), tf.TensorSpec([1, 1000])
    converted = convert(tf.function(explain, autograph=False).get_concrete_function(*specs))
    # As the step does; read from a file, constants that are used twice have come out wrong.
    save(converted, tmp_path / "model.xml")
    compiled = ov.Core().compile_model(tmp_path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    for label, index in QUESTIONS:
        request.infer([prepare(small[label]), rows({index: 1.0})[0]])
        for i, name in enumerate(names):
            # TensorFlow calls its outputs so, and the converter sorts them by their names.
            found = request.get_tensor(f"Identity_{i}:0" if i else "Identity:0").data[0]
            assert_same_but_for_kinks(np.maximum(found, 0.0), plain(label, index).layercam[name])


# A convolution whose own output is kept, a sum beside a shortcut, and several layers.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "layer"), [("layercam", "conv1_conv"), ("hirescam", "conv2_block1_add"), ("layercam-fused", None)]
)
def test_the_converted_step_gives_the_map_of_the_paper(make_openvino_step, small, plain, expected_map, method, layer):
    step = make_openvino_step(*layers_of(method, layer))
    for label, (likeliest, other) in ASKED.items():
        maps, logits = step(small[label][np.newaxis], rows({}, {other: 1.0}), method)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        assert relative_error(logits[0], plain(label, likeliest).logits) < 1e-4
        for found, index in zip(maps[0], (likeliest, other), strict=True):
            assert_same_but_for_kinks(found, np.maximum(expected_map(method, layer, label, index), 0.0))


# --- what each method promises ---


def test_eigencam_gives_the_same_map_whatever_the_class(maps_of, small):
    maps = [maps_of("eigencam", small["lion"], rows({}, {index: 1.0})) for index in (CHEETAH, ESPRESSO)]
    assert maps[0].max() > 0.0
    for found in (maps[0][1], maps[1][0], maps[1][1]):
        np.testing.assert_array_equal(found, maps[0][0])


@pytest.mark.parametrize("method", sorted(set(METHOD_NAMES) - CLASSLESS_METHODS))
def test_every_other_method_tells_classes_apart(maps_of, small, method):
    lion, espresso = maps_of(method, small["lion"], rows({}, {ESPRESSO: 1.0}))
    assert relative_error(espresso / espresso.max(), lion / lion.max()) > 0.1


@pytest.mark.parametrize("method", ["hirescam", "xgradcam"])
def test_at_the_last_layer_grad_cam_loses_nothing_by_averaging_the_gradient(maps_of, small, method):
    # The head averages over the places, so that the gradient is the same at each.
    targets = rows({}, {CHEETAH: 1.0})
    found, expected = maps_of(method, small["lion"], targets), maps_of("gradcam", small["lion"], targets)
    assert relative_error(found, expected) < 1e-5


@pytest.mark.parametrize("index", [LION, CHEETAH, ESPRESSO, 0])
def test_hirescam_shares_out_all_of_the_score_at_the_last_layer(maps_of, small, plain, values, index):
    speaks_for, speaks_against = maps_of("hirescam", small["lion"], rows({index: 1.0}, {index: -1.0}))
    owed = plain("lion", LION).logits[index] - values["predictions/bias"][index]
    assert abs(speaks_for.sum() - speaks_against.sum() - owed) < 1e-4 * speaks_for.sum()


@pytest.mark.parametrize("label", ASKED)
def test_the_fused_map_shows_what_that_of_the_last_layer_shows_but_sharper(maps_of, small, label):
    targets = rows({}, {ASKED[label][1]: 1.0})
    for sharp, coarse in zip(
        maps_of("layercam-fused", small[label], targets), maps_of("layercam", small[label], targets), strict=True
    ):
        assert (sharp.shape, coarse.shape) == ((28, 28), (7, 7))
        assert np.tanh(2.0) * coarse.max() < 1.0001 * sharp.max() < 1.0002 * coarse.max()
        shrunk = cv2.resize(sharp, (7, 7), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(shrunk.ravel(), coarse.ravel())[0, 1] > 0.9
        blown_up = cv2.resize(coarse, (28, 28), interpolation=cv2.INTER_LINEAR)
        detail, detail_before = (np.abs(np.diff(each / each.max(), axis=0)).mean() for each in (sharp, blown_up))
        assert detail > 1.2 * detail_before


# --- any picture, any numbers ---


PICTURES = {
    "black": np.zeros((224, 224, 3), np.uint8),
    "white": np.full((224, 224, 3), 255, np.uint8),
    "grey": np.full((224, 224, 3), 128, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
@pytest.mark.parametrize("method", METHOD_NAMES)
def test_no_picture_makes_a_map_negative_or_nan(maps_of, method, picture):
    for targets in (rows({}, {LION: -1.0}), rows({LION: 1.0, CHEETAH: -1.0}, {})):
        maps = maps_of(method, picture, targets)
        assert np.isfinite(maps).all()
        assert maps.min() >= 0.0


@pytest.mark.parametrize(("activation", "gradient"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_a_layer_without_activation_or_gradient_gives_an_empty_map_and_no_nan(method, activation, gradient):
    from live_cam.explain.methods import METHODS

    rng = np.random.default_rng(0)
    for channels in (16, 64):  # fewer than places, and more
        activations = (activation * rng.standard_normal((1, 7, 7, channels))).astype(np.float32)
        gradients = (gradient * rng.standard_normal((1, 2, 7, 7, channels))).astype(np.float32)
        maps = METHODS[method](activations, gradients)
        assert maps.shape == (1, 2, 7, 7)
        if method in CLASSLESS_METHODS and activation:
            assert np.isfinite(maps).all()
        else:
            np.testing.assert_array_equal(maps, 0.0)


def test_an_empty_map_among_those_fused_stays_out_of_the_result():
    from live_cam.explain.methods import fuse

    empty, full = np.zeros((1, 2, 8, 8), np.float32), np.ones((1, 2, 4, 4), np.float32)
    np.testing.assert_array_equal(fuse([empty, empty]), 0.0)
    np.testing.assert_allclose(fuse([empty, full]), np.ones((1, 2, 8, 8)), rtol=1e-6)
    # The last layer has the last word: what it sees nothing of is not shown.
    np.testing.assert_array_equal(fuse([np.ones((1, 2, 8, 8), np.float32), 0.0 * full]), 0.0)


def test_maps_are_fused_each_by_itself():
    from live_cam.explain.methods import fuse

    rng = np.random.default_rng(0)
    fine, coarse = (rng.uniform(0.0, 5.0, (2, 3, size, size)).astype(np.float32) for size in (8, 4))
    for place in np.ndindex(2, 3):
        one = tuple(slice(each, each + 1) for each in place)
        np.testing.assert_array_equal(fuse([fine, coarse])[one], fuse([fine[one], coarse[one]]))
        np.testing.assert_allclose(fuse([fine, coarse])[place], fused([fine[place], coarse[place]]), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-15, 1e15])
@pytest.mark.parametrize("method", SINGLE_LAYER_METHODS)
def test_tiny_and_huge_gradients_neither_vanish_nor_overflow(plain, method, scale):
    from live_cam.explain.methods import METHODS

    activations, gradients = plain("lion", LION).at["conv4_block6_out"]
    gradients = gradients * scale
    one = activations[np.newaxis].astype(np.float32), gradients[np.newaxis, np.newaxis].astype(np.float32)
    assert relative_error(METHODS[method](*one)[0, 0], FORMULAS[method](activations, gradients)) < 1e-3
