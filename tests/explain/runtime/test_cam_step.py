"""Steps of networks without gradients against the arithmetic by hand, from what onnx's reference computes."""

import typing

import numpy as np
import pytest

from live_cam.errors import LiveCamError
from live_cam.explain.runtime.batching import explain_batched
from live_cam.explain.runtime.cam_step import CamStep
from live_cam.models.openvino_files.network import read_network
from live_cam.models.preprocessing import Preprocessing
from live_cam.types import Method
from tests.explain.oracle import FORMULAS
from tests.models.openvino_files.graphs import CHANNELS, CLASSES, LINEAR, OTHERS, PLACES, GraphWriter

pytestmark = pytest.mark.slow

PIXELS = Preprocessing(False, (1 / 255,), (0.0,))
METHODS = [method for method in typing.get_args(Method) if method != "layercam-fused"]
KERNEL = np.array([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]])


@pytest.fixture
def make(tmp_path):
    """`make(writer, score="logit", ...)`: the step of a graph."""

    def make_step(writer, preprocessing=PIXELS, **options):
        return CamStep(read_network(writer.write(tmp_path / "a.onnx")), preprocessing, **options)

    return make_step


def frames_of(n=1, height=32, width=48):
    return np.random.default_rng(5).integers(0, 256, (n, height, width, 3), np.uint8)


def compute(writer, frame, *names):
    """What the graph's values of these names are for a frame, by onnx's reference."""
    return writer.compute((frame.transpose(2, 0, 1)[np.newaxis] / 255).astype(np.float32), *names)


def dense_of(writer, name="logits"):
    return [
        np.frombuffer(each.raw_data, np.float32).reshape(each.dims)
        for each in writer.constants
        if each.name.startswith(f"{name}.")
    ]


def softmax(logits):
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def targets_of(*weights):
    return np.array([[each.get(index, 0.0) for index in range(CLASSES)] for each in weights], np.float32)[np.newaxis]


@pytest.mark.parametrize("method", METHODS)
def test_linear_head_gives_each_method_exactly(make, method):
    writer = LINEAR["softmax"]()
    step = make(writer)
    targets = targets_of({1: 1.0}, {2: 1.0, 4: -1.0}, {3: -1.0})
    (frame,) = frames_of()
    maps, logits = step(frame[np.newaxis], targets, method)
    last, expected = compute(writer, frame, "last", "logits")
    activation = last[0].transpose(1, 2, 0).astype(np.float64)
    kernel, _ = dense_of(writer)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert (maps.dtype, maps.shape) == (np.float32, (1, 3, *PLACES))
    for of_target, target in zip(maps[0], targets[0], strict=True):
        gradient = np.broadcast_to(kernel.astype(np.float64) @ target / np.prod(PLACES), activation.shape)
        by_hand = np.maximum(FORMULAS[method](activation, gradient), 0.0)
        np.testing.assert_allclose(of_target, by_hand, atol=1e-5 * max(by_hand.max(), 0.1))


@pytest.mark.parametrize("name", ["softmax", "sigmoids"])
def test_probability_is_differentiated_through_its_activation(make, name):
    writer = LINEAR[name]()
    (frame,) = frames_of()
    maps, _ = make(writer, score="probability")(frame[np.newaxis], targets_of({1: 1.0}, {0: 1.0, 2: -1.0}))
    last, logits = compute(writer, frame, "last", "logits")
    values = softmax(logits[0]) if name == "softmax" else 1.0 / (1.0 + np.exp(-logits[0]))
    jacobian = np.diag(values) - np.outer(values, values) if name == "softmax" else np.diag(values * (1.0 - values))
    kernel, _ = dense_of(writer)
    for of_target, target in zip(maps[0], targets_of({1: 1.0}, {0: 1.0, 2: -1.0})[0], strict=True):
        weights = kernel @ (jacobian @ target) / np.prod(PLACES)
        np.testing.assert_allclose(of_target, np.maximum(np.einsum("chw,c->hw", last[0], weights), 0.0), atol=1e-6)


def recipro_by_hand(writer, name, last, target, score):
    """Masks the activation for each place, and computes the head in numpy."""
    scores = np.zeros(PLACES)
    for y, x in np.ndindex(PLACES):
        padded = np.zeros((PLACES[0] + 2, PLACES[1] + 2))
        padded[y : y + 3, x : x + 3] = KERNEL
        masked = last[0] * padded[1:-1, 1:-1]
        if name.startswith("two_dense"):
            kernel, bias = dense_of(writer, "hidden")
            values = np.maximum(masked.mean(axis=(1, 2)) @ kernel + bias, 0.0)
        elif name == "layer_norm":
            means = masked.mean(axis=(1, 2))
            values = (means - means.mean()) / np.sqrt(means.var() + 1e-5)
        elif name == "gated":
            values = 1.0 / (1.0 + np.exp(-masked.mean(axis=(1, 2))))
        elif name == "squeezed":
            values = masked.max(axis=(1, 2)) * np.arange(CHANNELS)
        else:
            values = (masked.transpose(1, 2, 0) if name == "nhwc" else masked).ravel()
        if name == "squeezed":
            logits = values[:CLASSES]
        else:
            kernel, bias = dense_of(writer)
            logits = values @ kernel + bias
        scores[y, x] = target @ (logits if score == "logit" else softmax(logits))
    return scores - scores.min()


@pytest.mark.parametrize("score", ["logit", "probability"])
@pytest.mark.parametrize("name", [name for name in OTHERS if "dynamic" not in name])
def test_other_heads_are_explained_by_recipro_cam(make, name, score):
    writer = OTHERS[name]()
    (frame,) = frames_of()
    targets = targets_of({1: 1.0}, {2: 1.0, 4: -1.0})
    maps, logits = make(writer, score=score)(frame[np.newaxis], targets, "layercam")
    last, expected = compute(writer, frame, "last", "logits")
    np.testing.assert_allclose(logits, expected.reshape(1, CLASSES), atol=1e-5)
    for of_target, target in zip(maps[0], targets[0], strict=True):
        by_hand = recipro_by_hand(writer, name, last, target, score)
        assert by_hand.max() > 0.0
        np.testing.assert_allclose(of_target, by_hand, atol=1e-5)


def test_eigen_cam_needs_no_head(make):
    writer = OTHERS["flattened"]()
    (frame,) = frames_of()
    maps, _ = make(writer)(frame[np.newaxis], targets_of({}, {}), "eigencam")
    (last,) = compute(writer, frame, "last")
    by_hand = np.maximum(FORMULAS["eigencam"](last[0].transpose(1, 2, 0), None), 0.0)
    for of_target in maps[0]:
        np.testing.assert_allclose(of_target, by_hand, atol=1e-3 * by_hand.max())


@pytest.mark.parametrize("name", ["softmax", "flattened"])
def test_rows_of_zeros_are_the_top_classes_of_each_frame(make, name):
    step = make({**LINEAR, **OTHERS}[name]())
    frames = frames_of(3)
    frames[1] //= 8
    targets = np.repeat(targets_of({}, {3: 1.0}, {}), 3, axis=0)
    maps, logits = step(frames, targets)
    for frame, of_frame, row in zip(frames, maps, logits, strict=True):
        first, second = np.argsort(-row)[:2]
        expected, _ = step(frame[np.newaxis], targets_of({first: 1.0}, {3: 1.0}, {second: 1.0}))
        np.testing.assert_array_equal(of_frame, expected[0])
    np.testing.assert_array_equal(step.forward(frames), logits)


def test_more_top_classes_than_there_are_leave_empty_maps(make):
    writer = GraphWriter().features().pooled().dense(CHANNELS, 1).add("Sigmoid")
    step = make(writer)
    maps, logits = step(frames_of(), np.zeros((1, 3, 2), np.float32))
    assert logits.shape == (1, 2)
    assert logits[0, 0] == -logits[0, 1]
    assert maps[0, :2].any()
    assert not maps[0, 2].any()


def test_frames_in_parallel_are_those_one_by_one(make):
    frames, targets = frames_of(11), np.repeat(targets_of({1: 1.0}), 11, axis=0)
    for name in ("softmax", "two_dense"):
        writer = {**LINEAR, **OTHERS}[name]()
        maps, logits = make(writer, performance_hint="throughput")(frames, targets)
        expected_maps, expected_logits = make(writer)(frames, targets)
        np.testing.assert_allclose(logits, expected_logits, atol=1e-5)
        np.testing.assert_allclose(maps, expected_maps, atol=1e-5)


def test_large_maps_take_several_batches(make, monkeypatch):
    writer = OTHERS["flattened"]()
    (frame,) = frames_of()
    targets = targets_of({1: 1.0})
    expected, _ = make(writer)(frame[np.newaxis], targets)
    monkeypatch.setattr(
        "live_cam.explain.runtime.masked_scores._MAX_BATCH_BYTES", 7 * 4 * CHANNELS * int(np.prod(PLACES))
    )
    step = make(writer)
    maps, _ = step(frame[np.newaxis], targets)
    assert step._masked._batches.shape[:2] == (14, 7)  # 96 places
    np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_one_compilation_serves_all_sizes(make):
    step = make(OTHERS["two_dense"]())
    asked = []
    assert not step.is_prepared(1, 1)
    assert step.memory_bytes == 0
    step.prepare(1, 1, (480, 640), asked.append)
    step.prepare(4, 2, (480, 640), asked.append)
    assert step.is_prepared(8, 3)
    assert asked == [step.memory_bytes]
    assert step.memory_bytes > 4 * 96 * CHANNELS
    frames = frames_of(2)
    maps, _ = explain_batched(step, frames, np.repeat(targets_of({}, {1: 1.0}), 2, axis=0), "gradcam")
    assert maps.shape == (2, 2, *PLACES)


def test_nothing_is_compiled_without_room(make):
    step = make(LINEAR["softmax"]())

    def refuse(_needed_bytes):
        raise LiveCamError("no memory")

    with pytest.raises(LiveCamError, match="no memory"):
        step.prepare(1, 1, (480, 640), refuse)
    assert not step.is_prepared(1, 1)


def test_grey_input_takes_one_channel(make):
    writer = LINEAR["grey"]()
    frame = np.repeat(frames_of()[0, ..., :1], 3, axis=2)
    _, logits = make(writer)(frame[np.newaxis], targets_of({}))
    (expected,) = compute(writer, frame[..., :1], "logits")
    np.testing.assert_allclose(logits, expected, atol=1e-5)
