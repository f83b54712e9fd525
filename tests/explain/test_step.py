"""The compiled step against computations that share nothing with it but the network's variables."""

import functools
import gc
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_cam.explain import DEFAULT_LAYER, arrays
from live_cam.explain.weights import Weights

LION, CHEETAH, CAT, ESPRESSO = 291, 293, 285, 967
MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
LOWER_LAYER = "conv4_block6_out"


def one_hot(*indices: int):
    """Gives targets (1, K, 1000), each asking for one class."""
    targets = np.zeros((1, len(indices), 1000), np.float32)
    targets[0, np.arange(len(indices)), indices] = 1.0
    return targets


LIKELIEST = np.zeros((1, 1, 1000), np.float32)


def relative_error(found, expected) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.fixture(scope="module")
def lower_step(make_step):
    return make_step(LOWER_LAYER)


@pytest.fixture(scope="module")
def probability_step(make_step):
    return make_step(score="probability")


@pytest.fixture(scope="module")
def small(photographs):
    """The photographs at the network's own size, which the step passes on as they are."""
    return {
        label: np.asarray(Image.fromarray(photograph).resize((224, 224), Image.Resampling.BOX))
        for label, photograph in photographs.items()
    }


@pytest.fixture(scope="module")
def forward(network, small):
    """Runs plain Keras on a photograph, up to a layer: activations (1, h, w, channels) and logits (1, 1000)."""
    import keras

    @functools.cache
    def run(label, layer=DEFAULT_LAYER):
        model = keras.Model(network.input, [network.get_layer(layer).output, network.output])
        prepared = small[label][np.newaxis, ..., ::-1].astype(np.float32) - MEAN_BGR
        return [output.numpy() for output in model(prepared, training=False)]

    return run


@pytest.fixture(scope="module")
def tape_grad_cam(network, forward):
    """Grad-CAM by its definition: the network cut in two at the layer, and a gradient tape over the upper part."""
    import keras
    import tensorflow as tf

    uppers = {}

    def run(label, layer, score_of):
        if layer not in uppers:
            uppers[layer] = keras.Model(network.get_layer(layer).output, network.output)
        activations = tf.constant(forward(label, layer)[0])
        with tf.GradientTape() as tape:
            tape.watch(activations)
            score = score_of(uppers[layer](activations, training=False)[0])
        channel_weights = tape.gradient(score, activations).numpy().mean(axis=(1, 2))
        return np.maximum((activations.numpy() * channel_weights[:, np.newaxis, np.newaxis]).sum(axis=-1), 0.0)[0]

    return run


# --- what the map is ---


@pytest.mark.parametrize("index", [LION, CHEETAH, CAT, ESPRESSO, 0, 999])
def test_the_map_of_a_logit_is_what_the_head_makes_of_each_place(step, small, forward, values, index):
    activations, _ = forward("lion")
    by_hand = activations[0] @ values["predictions/kernel"][:, index] / 49.0
    maps, _ = step(small["lion"][np.newaxis], one_hot(index))
    assert maps.shape == (1, 1, 7, 7)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps[0, 0], np.maximum(by_hand, 0.0), atol=1e-4 * np.abs(by_hand).max())


@pytest.mark.parametrize(("a", "b"), [(LION, CHEETAH), (CHEETAH, LION), (ESPRESSO, 0)])
def test_why_one_class_and_not_another_is_the_difference_of_the_two(step, small, forward, values, a, b):
    activations, _ = forward("lion")
    kernel = values["predictions/kernel"]
    by_hand = activations[0] @ (kernel[:, a] - kernel[:, b]) / 49.0
    maps, _ = step(small["lion"][np.newaxis], one_hot(a) - one_hot(b))
    np.testing.assert_allclose(maps[0, 0], np.maximum(by_hand, 0.0), atol=1e-4 * np.abs(by_hand).max())


def test_what_speaks_against_a_class_is_where_nothing_speaks_for_it(step, small, forward, values):
    activations, _ = forward("lion")
    by_hand = activations[0] @ values["predictions/kernel"][:, CHEETAH] / 49.0
    assert by_hand.min() < 0.0 < by_hand.max()
    maps, _ = step(small["lion"][np.newaxis], -one_hot(CHEETAH))
    np.testing.assert_allclose(maps[0, 0], np.maximum(-by_hand, 0.0), atol=1e-4 * np.abs(by_hand).max())


def test_the_logits_are_those_of_a_plain_forward_pass(step, small, forward):
    for label, photograph in small.items():
        _, expected = forward(label)
        _, logits = step(photograph[np.newaxis], LIKELIEST)
        np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_asked_for_nothing_in_particular_it_explains_the_likeliest_class(step, photographs, label):
    frames = photographs[label][np.newaxis]
    maps, logits = step(frames, LIKELIEST)
    expected, _ = step(frames, one_hot(int(logits.argmax())))
    assert maps.max() > 0.0
    np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-6)


def test_the_likeliest_class_is_chosen_for_each_frame_by_itself(step, small):
    frames = np.stack([small["lion"], small["espresso"]])
    maps, _ = step(frames, np.zeros((2, 1, 1000), np.float32))
    assert relative_error(maps[0], step(frames[:1], one_hot(LION))[0][0]) < 1e-4
    assert relative_error(maps[1], step(frames[1:], one_hot(ESPRESSO))[0][0]) < 1e-4


@pytest.mark.parametrize("label", ["lion", "espresso"])
def test_three_rows_of_zeros_ask_for_the_three_likeliest_classes(step, photographs, label):
    frames = photographs[label][np.newaxis]
    maps, logits = step(frames, np.concatenate([LIKELIEST, one_hot(CAT), LIKELIEST, LIKELIEST], axis=1))
    first, second, third = np.argsort(-logits[0])[:3]
    expected, _ = step(frames, one_hot(first, CAT, second, third))
    assert relative_error(maps, expected) < 1e-4


def test_several_maps_from_one_call_are_those_of_a_call_each(step, photographs):
    frames = photographs["lion"][np.newaxis]
    # The row of zeros in between must not be taken for the others'.
    targets = np.concatenate([one_hot(LION), LIKELIEST, one_hot(CHEETAH) - one_hot(LION)], axis=1)
    maps, logits = step(frames, targets)
    assert maps.shape == (1, 3, 7, 7)
    for k in range(3):
        alone, alone_logits = step(frames, targets[:, k : k + 1])
        np.testing.assert_allclose(maps[:, k], alone[:, 0], atol=1e-4 * alone.max())
        np.testing.assert_allclose(logits, alone_logits, atol=1e-4 * np.abs(logits).max())


def test_two_frames_in_one_call_are_explained_as_one_by_one(step, small):
    frames = np.stack([small["cheetah"], small["espresso"]])
    targets = np.concatenate([one_hot(CHEETAH), one_hot(ESPRESSO)])
    maps, logits = step(frames, targets)
    assert maps.shape == (2, 1, 7, 7)
    for n in range(2):
        alone, alone_logits = step(frames[n : n + 1], targets[n : n + 1])
        np.testing.assert_allclose(maps[n], alone[0], atol=1e-4 * alone.max())
        np.testing.assert_allclose(logits[n], alone_logits[0], atol=1e-4 * np.abs(alone_logits).max())


@pytest.mark.parametrize("index", [LION, CHEETAH])
def test_a_lower_layer_is_explained_by_the_gradient_of_all_that_lies_above_it(lower_step, small, tape_grad_cam, index):
    maps, _ = lower_step(small["lion"][np.newaxis], one_hot(index))
    expected = tape_grad_cam("lion", LOWER_LAYER, lambda logits: logits[index])
    assert maps.shape == (1, 1, 14, 14)
    assert expected.max() > 0.0
    assert relative_error(maps[0, 0], expected) < 1e-4


# Of the espresso the network is so sure that the softmax hardly moves; of the cat it is not.
@pytest.mark.parametrize(("label", "index"), [("Egyptian cat", CAT), ("Egyptian cat", 282), ("lion", CHEETAH)])
def test_the_probability_can_be_explained_in_place_of_the_logit(probability_step, small, tape_grad_cam, label, index):
    import tensorflow as tf

    maps, _ = probability_step(small[label][np.newaxis], one_hot(index))
    expected = tape_grad_cam(label, DEFAULT_LAYER, lambda logits: tf.nn.softmax(logits)[index])
    by_logit = tape_grad_cam(label, DEFAULT_LAYER, lambda logits: logits[index])
    assert expected.max() > 0.0
    assert relative_error(maps[0, 0], expected) < 1e-3
    # It is another map indeed, and not the logit's with another brightness.
    assert relative_error(expected / expected.max(), by_logit / by_logit.max()) > 0.01


# --- compiled once ---


@pytest.mark.parametrize("on_gpu", [False, True], ids=["frozen", "xla"])
def test_the_step_is_traced_once_for_each_number_of_frames_and_maps(define, on_gpu):
    from live_cam.explain.definition import Definition
    from live_cam.explain.tensorflow_step import TensorFlowStep

    traced = []

    class Counted(Definition):
        def explain(self, pictures, targets):
            traced.append(tuple(targets.shape[:2]))  # runs when Python traces, not when the graph runs
            return super().explain(pictures, targets)

    definition = define()
    definition.__class__ = Counted
    step = TensorFlowStep(definition, on_gpu)
    rng = np.random.default_rng(0)
    questions = itertools.cycle([LIKELIEST, one_hot(LION), one_hot(LION) - one_hot(CHEETAH), -one_hot(LION)])
    for size in [(480, 640), (224, 224), (100, 37), (1, 1), (480, 640)]:
        step(rng.integers(0, 256, (1, *size, 3), np.uint8), next(questions))
    assert traced == [(1, 1)]
    step(np.zeros((1, 50, 50, 3), np.uint8), one_hot(LION, CHEETAH))
    step(np.zeros((1, 60, 60, 3), np.uint8), one_hot(0, 1))
    step(np.zeros((1, 60, 60, 3), np.uint8), LIKELIEST)
    assert traced == [(1, 1), (1, 2)]


# --- the same on a GPU: XLA, float16, frames resized there; XLA also compiles for the processor ---


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.05), ("float16", 0.02)])
def test_what_runs_on_a_gpu_computes_what_runs_here(make_step, step, photographs, precision, tolerance):
    on_gpu = make_step(precision=precision, on_gpu=True)
    targets = np.concatenate([LIKELIEST, one_hot(CHEETAH) - one_hot(LION)], axis=1)
    for photograph in (photographs["lion"], photographs["espresso"]):
        maps, logits = on_gpu(photograph[np.newaxis], targets)
        expected_maps, expected_logits = step(photograph[np.newaxis], targets)
        assert (maps.dtype, logits.dtype) == (np.float32, np.float32)
        # The resize in the graph does not round to whole grey levels.
        assert relative_error(logits, expected_logits) < tolerance + 0.01
        assert relative_error(maps, expected_maps) < tolerance + 0.02
    assert on_gpu.forward(photographs["lion"][np.newaxis]).argmax() == LION


@pytest.mark.slow
def test_frames_of_several_sizes_go_to_a_gpu_in_one_call(make_step, step, photographs):
    frames = [photographs["cheetah"], photographs["espresso"]]
    _, logits = make_step(on_gpu=True)(frames, np.zeros((2, 1, 1000), np.float32))
    assert logits.argmax(axis=-1).tolist() == [CHEETAH, ESPRESSO]


# --- nothing grows ---


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


# Slow for its 220 steps of up to a tenth of a second.
@pytest.mark.slow
def test_a_day_of_frames_does_not_fill_the_memory(step):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1, 240, 320, 3), np.uint8)
    for _ in range(20):
        step(frame, LIKELIEST)
    gc.collect()
    before = resident_bytes()
    for _ in range(200):
        step(frame, LIKELIEST)
    gc.collect()
    assert resident_bytes() - before < 20 * 2**20


# --- any picture whatever ---


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


PICTURES = {
    "black": np.zeros((480, 640, 3), np.uint8),
    "white": np.full((480, 640, 3), 255, np.uint8),
    "grey": np.full((480, 640, 3), 128, np.uint8),
    "noise": noise(480, 640),
    "one pixel": noise(1, 1),
    "a line": noise(2, 1000),
    "a column": noise(1000, 2),
    "a pixel short of a whole factor": noise(447, 671),
    "large": noise(1080, 1920),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_no_picture_makes_the_map_negative_or_nan(step, picture):
    questions = [LIKELIEST, -one_hot(LION), one_hot(LION) - one_hot(CHEETAH)]
    maps, logits = step(picture[np.newaxis], np.concatenate(questions, axis=1))
    assert np.isfinite(logits).all()
    assert np.isfinite(maps).all()
    assert maps.min() >= 0.0


def test_a_map_that_is_negative_everywhere_comes_out_empty(step, small, forward, values):
    # Of all questions, one that every place of this picture answers with the same no.
    activations, _ = forward("lion")
    by_place = activations[0].reshape(49, -1).astype(np.float64) @ values["predictions/kernel"]
    against = np.linalg.lstsq(by_place, np.full(49, -49.0))[0].astype(np.float32)
    for sign, expected in ((1.0, 0.0), (-1.0, 1.0)):
        maps, _ = step(small["lion"][np.newaxis], sign * against[np.newaxis, np.newaxis])
        np.testing.assert_allclose(maps, expected, atol=1e-3)
    assert not step(small["lion"][np.newaxis], against[np.newaxis, np.newaxis])[0].any()


@pytest.fixture(scope="module")
def huge_network(values, tmp_path_factory):
    """The real network, but for logits of about 1e31; float32 ends at 3e38."""
    from live_cam.explain.network import build_network

    path = tmp_path_factory.mktemp("huge") / "huge.npz"
    arrays.write_archive({n: v * np.float32(1e30) if "predictions" in n else v for n, v in values.items()}, path)
    return build_network(Weights("file", path, "huge"))


@pytest.mark.parametrize("score", ["logit", "probability"])
def test_huge_logits_make_no_nan(huge_network, small, score):
    from live_cam.explain.definition import Definition
    from live_cam.explain.tensorflow_step import TensorFlowStep

    step = TensorFlowStep(Definition(huge_network, (DEFAULT_LAYER,), score), on_gpu=False)
    for target in (LIKELIEST, one_hot(CHEETAH), -one_hot(LION)):
        maps, logits = step(small["lion"][np.newaxis], target)
        assert np.abs(logits).max() > 1e29
        assert np.isfinite(logits).all()
        assert np.isfinite(maps).all()
        assert maps.min() >= 0.0
