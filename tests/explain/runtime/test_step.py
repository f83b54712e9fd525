"""The compiled step on TensorFlow, against computations that share nothing with it but the network's variables."""

import functools
import gc
import itertools
from pathlib import Path

import numpy as np
import pytest

from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.methods import METHODS
from live_cam.models.keras_head import find_keras_head
from live_cam.models.network import Network
from tests.networks import SMALL_LAYER, SMALL_LOWER_LAYER

pytestmark = pytest.mark.slow

A, B, C = 291, 293, 285


def one_hot(*indices: int):
    """Returns targets (1, K, 1000), one class each."""
    targets = np.zeros((1, len(indices), 1000), np.float32)
    targets[0, np.arange(len(indices)), indices] = 1.0
    return targets


TOP = np.zeros((1, 1, 1000), np.float32)


def relative_error(found, expected) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.fixture(scope="module")
def step(make_step):
    return make_step()


@pytest.fixture(scope="module")
def kernel(small_network):
    return small_network.get_layer("predictions").kernel.numpy()


@pytest.fixture(scope="module")
def forward(small_network, inputs, caffe_preprocess):
    """Runs plain Keras on a photograph, up to a layer: activations (1, h, w, channels) and logits (1, 1000)."""
    import keras

    @functools.cache
    def run(label, layer=SMALL_LAYER):
        model = keras.Model(small_network.input, [small_network.get_layer(layer).output, small_network.output])
        return [output.numpy() for output in model(caffe_preprocess(inputs[label][np.newaxis]), training=False)]

    return run


@pytest.fixture(scope="module")
def class_activation_map(forward, kernel):
    """Returns what the head computes of each position of the lion's photograph, for any weights of the classes."""
    return lambda weights: forward("lion")[0][0].astype(np.float64) @ (kernel @ weights) / 49.0


@pytest.fixture(scope="module")
def tape_grad_cam(small_network, forward):
    """Grad-CAM by its definition: the network cut in two at the layer, and a gradient tape over the upper part."""
    import keras
    import tensorflow as tf

    uppers = {}

    def run(label, layer, score_of):
        if layer not in uppers:
            uppers[layer] = keras.Model(small_network.get_layer(layer).output, small_network.output)
        activations = tf.constant(forward(label, layer)[0])
        with tf.GradientTape() as tape:
            tape.watch(activations)
            score = score_of(uppers[layer](activations, training=False)[0])
        channel_weights = tape.gradient(score, activations).numpy().mean(axis=(1, 2))
        return np.maximum((activations.numpy() * channel_weights[:, np.newaxis, np.newaxis]).sum(axis=-1), 0.0)[0]

    return run


@pytest.fixture(scope="module")
def linear_head(small_network):
    return find_keras_head(Network(small_network), (SMALL_LAYER,))


@pytest.mark.parametrize(("on_gpu", "score"), [(False, "logit"), (True, "logit"), (False, "probability")])
def test_a_linear_head_explains_as_gradients_do(make_graph, make_step, linear_head, inputs, on_gpu, score):
    reference = make_step(score=score)
    cam = LinearCam(linear_head, score, "softmax")
    step = TensorFlowStep(make_graph(score=score), on_gpu, linear_cam=cam)
    step.prepare(1, 1, (224, 224))
    assert step.is_prepared(1, 5)
    targets = np.concatenate([one_hot(A) - one_hot(B), one_hot(C), TOP], axis=1)
    frames = inputs["lion"][np.newaxis]
    for method in METHODS:
        expected_maps, expected_logits = reference(frames, targets, method)
        maps, logits = step(frames, targets, method)
        np.testing.assert_allclose(logits, expected_logits, atol=1e-3)
        np.testing.assert_allclose(maps, expected_maps, atol=2e-3 * expected_maps.max())


def test_the_head_of_a_network_is_found_where_it_is_linear(small_network, linear_head):
    kernel, bias = small_network.get_layer("predictions").get_weights()
    np.testing.assert_allclose(linear_head.weights, kernel, atol=1e-5)
    np.testing.assert_allclose(linear_head.bias, bias)
    assert find_keras_head(Network(small_network), (SMALL_LOWER_LAYER,)) is None
    assert find_keras_head(Network(small_network), (SMALL_LOWER_LAYER, SMALL_LAYER)) is None


# --- maps and logits ---


TARGETS = {
    "first class": one_hot(0),
    "class": one_hot(A),
    "last class": one_hot(999),
    "contrast": one_hot(A) - one_hot(B),
    "contrast reversed": one_hot(B) - one_hot(A),
    "counterfactual": -one_hot(B),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_logit_map_is_the_class_activation_map(step, inputs, class_activation_map, target):
    expected = class_activation_map(target[0, 0])
    assert expected.min() < 0.0 < expected.max()
    maps, _ = step(inputs["lion"][np.newaxis], target)
    assert (maps.shape, maps.dtype) == ((1, 1, 7, 7), np.float32)
    np.testing.assert_allclose(maps[0, 0], np.maximum(expected, 0.0), atol=1e-4 * np.abs(expected).max())


def test_logits_are_those_of_a_plain_forward_pass(step, inputs, forward):
    for label, rgb in inputs.items():
        _, expected = forward(label)
        _, logits = step(rgb[np.newaxis], TOP)
        np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
        np.testing.assert_allclose(step.forward(rgb[np.newaxis]), expected, atol=1e-4 * np.abs(expected).max())


def test_row_of_zeros_means_the_top_class(step, photographs):
    for rgb in photographs.values():
        maps, logits = step(rgb[np.newaxis], TOP)
        expected, _ = step(rgb[np.newaxis], one_hot(int(logits.argmax())))
        assert maps.max() > 0.0
        np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", ["lion", "espresso"])
def test_three_rows_of_zeros_mean_the_top_three(step, photographs, label):
    frames = photographs[label][np.newaxis]
    maps, logits = step(frames, np.concatenate([TOP, one_hot(C), TOP, TOP], axis=1))
    first, second, third = np.argsort(-logits[0])[:3]
    expected, _ = step(frames, one_hot(first, C, second, third))
    assert relative_error(maps, expected) < 1e-4


def test_several_targets_in_one_call_match_single_calls(step, photographs):
    frames = photographs["lion"][np.newaxis]
    # The row of zeros in the middle must not affect the others.
    targets = np.concatenate([one_hot(A), TOP, one_hot(B) - one_hot(A)], axis=1)
    maps, logits = step(frames, targets)
    assert maps.shape == (1, 3, 7, 7)
    for k in range(3):
        single, single_logits = step(frames, targets[:, k : k + 1])
        np.testing.assert_allclose(maps[:, k], single[:, 0], atol=1e-4 * single.max())
        np.testing.assert_allclose(logits, single_logits, atol=1e-4 * np.abs(logits).max())


def test_several_frames_in_one_call_match_single_calls(step, inputs):
    frames = np.stack([inputs["cheetah"], inputs["espresso"]])
    targets = np.concatenate([one_hot(A), TOP])
    maps, logits = step(frames, targets)
    assert maps.shape == (2, 1, 7, 7)
    assert len({int(each.argmax()) for each in logits}) == 2, "the top classes differ"
    for n in range(2):
        single, single_logits = step(frames[n : n + 1], targets[n : n + 1])
        np.testing.assert_allclose(maps[n], single[0], atol=1e-4 * single.max())
        np.testing.assert_allclose(logits[n], single_logits[0], atol=1e-4 * np.abs(single_logits).max())


@pytest.mark.parametrize("index", [A, B])
def test_lower_layer_is_explained_by_the_gradient_through_all_layers_above(make_step, inputs, tape_grad_cam, index):
    maps, _ = make_step(SMALL_LOWER_LAYER)(inputs["lion"][np.newaxis], one_hot(index))
    expected = tape_grad_cam("lion", SMALL_LOWER_LAYER, lambda logits: logits[index])
    assert maps.shape == (1, 1, 14, 14)
    assert expected.max() > 0.0
    assert relative_error(maps[0, 0], expected) < 1e-4


# The top class of the espresso's photograph has a probability of 0.6: where it is near 1, the softmax hardly moves.
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_probability_is_explained_instead_of_the_logit(make_step, inputs, forward, tape_grad_cam, rank):
    import tensorflow as tf

    index = int(np.argsort(-forward("espresso")[1][0])[rank])
    maps, _ = make_step(score="probability")(inputs["espresso"][np.newaxis], one_hot(index))
    expected = tape_grad_cam("espresso", SMALL_LAYER, lambda logits: tf.nn.softmax(logits)[index])
    by_logit = tape_grad_cam("espresso", SMALL_LAYER, lambda logits: logits[index])
    assert expected.max() > 0.0
    assert relative_error(maps[0, 0], expected) < 1e-3
    # It is another map, and not the logit's with another scale.
    assert relative_error(expected / expected.max(), by_logit / by_logit.max()) > 0.01


# --- compiled once ---


@pytest.mark.parametrize("on_gpu", [False, True], ids=["frozen", "xla"])
def test_step_is_traced_once_per_number_of_frames_and_targets(tiny_network, on_gpu):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    traced = []

    class Counted(StepGraph):
        def explain(self, inputs, targets):
            traced.append(tuple(targets.shape[:2]))  # runs when Python traces, not when the graph runs
            return super().explain(inputs, targets)

    step = TensorFlowStep(Counted(Network(tiny_network), ("high",), "logit"), on_gpu)
    rng = np.random.default_rng(0)
    targets = itertools.cycle([TOP, one_hot(4), one_hot(4) - one_hot(7), -one_hot(4)])
    sizes = [(100, 37), (1, 1)]  # XLA compiles for each, which takes a second
    for size in sizes:
        step(rng.integers(0, 256, (1, *size, 3), np.uint8), next(targets)[..., :10])
    assert traced == [(1, 1)]
    step(np.zeros((1, *sizes[0], 3), np.uint8), one_hot(4, 7)[..., :10])
    step(np.zeros((1, *sizes[-1], 3), np.uint8), TOP[..., :10])
    assert traced == [(1, 1), (1, 2)]


# --- the same on a GPU: XLA, float16, frames resized there; XLA compiles for the CPU, too ---


def assert_nearly_the_same(gpu_step, step, frames, targets, tolerance):
    maps, logits = gpu_step(frames, targets)
    expected_maps, expected_logits = step(frames, targets)
    assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
    assert relative_error(logits, expected_logits) < tolerance
    assert relative_error(maps, expected_maps) < tolerance
    return not np.allclose(logits, expected_logits, rtol=1e-5)


def test_gpu_step_matches_cpu_step(make_step, step, inputs):
    targets = np.concatenate([one_hot(A), one_hot(B) - one_hot(A)], axis=1)  # rounding may exchange top classes
    for label in ("lion", "Egyptian cat"):
        assert_nearly_the_same(make_step(on_gpu=True), step, inputs[label][np.newaxis], targets, 1e-3)


# The real ResNet50 runs by XLA in float16 in `test_real_network`.
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.2), ("float16", 0.02)])
def test_gpu_step_nearly_matches_in_less_than_float32(tiny_network, tiny_steps, inputs, precision, tolerance):
    from live_cam.explain.runtime.step_graph import StepGraph

    gpu_step = TensorFlowStep(StepGraph(Network(tiny_network), ("high",), "logit", precision), on_gpu=True)
    targets = np.concatenate([one_hot(4), one_hot(7) - one_hot(4)], axis=1)[..., :10]
    differs = assert_nearly_the_same(gpu_step, tiny_steps[0], inputs["lion"][np.newaxis], targets, tolerance)
    assert differs, "it did compute in less than float32"


@pytest.fixture(scope="module")
def tiny_steps(tiny_network):
    """Steps of the tiny network, for a CPU and for a GPU; XLA compiles for each size of frames."""
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    graph = StepGraph(Network(tiny_network), ("high",), "logit")
    return TensorFlowStep(graph, on_gpu=False), TensorFlowStep(graph, on_gpu=True)


def test_gpu_step_resizes_frames_and_has_a_forward_pass(tiny_steps, photographs):
    (step, gpu_step), frames = tiny_steps, photographs["lion"][np.newaxis]
    targets = np.concatenate([TOP, one_hot(7) - one_hot(4)], axis=1)[..., :10]
    maps, logits = gpu_step(frames, targets)
    expected_maps, expected_logits = step(frames, targets)
    # Resizing in the graph does not round to whole grey levels.
    assert relative_error(logits, expected_logits) < 0.05
    assert relative_error(maps, expected_maps) < 0.1
    np.testing.assert_allclose(gpu_step.forward(frames), logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("layers", "xla"), [(("low", "high"), True), (("high",), False)], ids=["fused, xla", "one layer, plain"]
)
def test_gpu_returns_the_maps_of_each_method_and_nothing_else(tiny_network, layers, xla):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    graph = StepGraph(Network(tiny_network), layers, "logit")
    step, gpu_step = TensorFlowStep(graph, on_gpu=False), TensorFlowStep(graph, on_gpu=True, optimize=xla)
    frames = np.random.default_rng(0).integers(0, 256, (2, *graph.input_px, 3), np.uint8)
    targets = np.concatenate([one_hot(4), one_hot(7) - one_hot(4)], axis=1)[..., :10].repeat(2, axis=0)
    different = set()
    for method in METHODS:
        maps, logits = gpu_step(frames, targets, method)
        expected_maps, expected_logits = step(frames, targets, method)
        assert maps.shape == expected_maps.shape
        assert expected_maps.max() > 0.0
        assert relative_error(maps, expected_maps) < 1e-3
        assert relative_error(logits, expected_logits) < 1e-3
        different.add(maps.tobytes())
    assert len(different) > 3  # Grad-CAM, HiResCAM and XGrad-CAM are the same behind pooling
    outputs = gpu_step._get_compiled(2, 2).get_concrete_function().structured_outputs
    assert sum(np.prod(output.shape) for output in outputs) == maps.size + logits.size


def test_a_graph_that_is_not_frozen_yields_the_same(tiny_network):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    graph = StepGraph(Network(tiny_network), ("high",), "logit")
    frozen, plain = (TensorFlowStep(graph, on_gpu=False, optimize=each) for each in (True, False))
    frames = np.random.default_rng(0).integers(0, 256, (2, *graph.input_px, 3), np.uint8)
    targets = TOP[..., :10].repeat(2, axis=0)
    for ours, expected in zip(plain(frames, targets), frozen(frames, targets), strict=True):
        assert relative_error(ours, expected) < 1e-5
    assert relative_error(plain.forward(frames), frozen.forward(frames)) < 1e-5


def test_gpu_step_accepts_frames_of_several_sizes_in_one_call(tiny_steps, photographs):
    step, gpu_step = tiny_steps
    frames = [photographs["cheetah"], photographs["espresso"]]
    maps, logits = gpu_step(frames, np.zeros((2, 1, 10), np.float32))
    for n, frame in enumerate(frames):
        expected_maps, expected_logits = step([frame], TOP[..., :10])
        assert expected_maps.max() > 0.0
        assert relative_error(logits[n], expected_logits[0]) < 1e-3
        assert relative_error(maps[n], expected_maps[0]) < 1e-3


# --- memory ---


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_memory_does_not_grow_with_the_number_of_frames(tiny_steps):
    step, _ = tiny_steps
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1, 240, 320, 3), np.uint8)
    for _ in range(20):
        step(frame, TOP[..., :10])
    gc.collect()
    before = resident_bytes()
    for _ in range(200):
        step(frame, TOP[..., :10])
    gc.collect()
    assert resident_bytes() - before < 20 * 2**20


# --- any frame ---


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


FRAMES = {
    "black": np.zeros((480, 640, 3), np.uint8),
    "white": np.full((480, 640, 3), 255, np.uint8),
    "grey": np.full((480, 640, 3), 128, np.uint8),
    "noise": noise(480, 640),
    "one pixel": noise(1, 1),
    "two rows": noise(2, 1000),
    "two columns": noise(1000, 2),
    "one pixel short of a whole factor": noise(447, 671),
    "large": noise(1080, 1920),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_maps_are_finite_and_not_negative(step, frame):
    targets = [TOP, -one_hot(A), one_hot(A) - one_hot(B)]
    maps, logits = step(frame[np.newaxis], np.concatenate(targets, axis=1))
    assert np.isfinite(logits).all()
    assert np.isfinite(maps).all()
    assert maps.min() >= 0.0


def test_map_that_is_negative_everywhere_is_empty(step, inputs, class_activation_map):
    # Of all targets, the one for which each position contributes -1.
    by_class = np.stack([class_activation_map(row) for row in np.eye(1000)], axis=-1).reshape(49, 1000)
    target = np.linalg.lstsq(by_class, np.full(49, -1.0))[0].astype(np.float32)[np.newaxis, np.newaxis]
    assert not step(inputs["lion"][np.newaxis], target)[0].any()
    np.testing.assert_allclose(step(inputs["lion"][np.newaxis], -target)[0], 1.0, atol=1e-3)


@pytest.fixture(scope="module")
def huge_network(small_network):
    """The small network with logits of about 1e31; float32 ends at 3e38."""
    import keras

    network = keras.models.clone_model(small_network)
    network.set_weights(small_network.get_weights())
    for variable in network.get_layer("predictions").variables:
        variable.assign(variable * 1e30)
    return network


@pytest.mark.parametrize("score", ["logit", "probability"])
def test_huge_logits_yield_finite_maps(huge_network, inputs, score):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.network import Network

    step = TensorFlowStep(StepGraph(Network(huge_network), (SMALL_LAYER,), score), on_gpu=False)
    for target in (TOP, one_hot(B), -one_hot(A)):
        maps, logits = step(inputs["lion"][np.newaxis], target)
        assert np.abs(logits).max() > 1e29
        assert np.isfinite(logits).all()
        assert np.isfinite(maps).all()
        assert maps.min() >= 0.0
