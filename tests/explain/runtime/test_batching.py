"""Calls of a size that is not compiled return the same as one call, composed of sizes that are."""

import numpy as np
import pytest

from live_cam.explain.runtime.batching import explain_batched

pytestmark = pytest.mark.slow

CLASSES = 10


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), np.uint8) for size in [(48, 64), (64, 48), (224, 224)]]


@pytest.fixture(scope="module")
def targets():
    """For each frame: the top class, class 4, the second class, 4 with contrast 7, counterfactual 4, the third."""
    rows = np.zeros((3, 6, CLASSES), np.float32)
    rows[:, 1, 4] = rows[:, 3, 4] = 1.0
    rows[:, 3, 7] = rows[:, 4, 4] = -1.0
    return rows


@pytest.fixture(scope="module")
def expected(make_tiny_step, frames, targets):
    return make_tiny_step(("high",))(frames, targets, "hirescam")


# Without one size after the other, down to one frame and one target per call.
@pytest.mark.parametrize("sizes", [[(3, 6)], [(3, 1), (1, 1)], [(1, 6), (1, 1)], [(1, 1)]])
def test_results_match_those_of_one_call(make_tiny_step, frames, targets, expected, sizes):
    step = make_tiny_step(("high",))
    for size in sizes:
        step.prepare(*size)
    maps, logits = explain_batched(step, frames, targets, "hirescam")
    expected_maps, expected_logits = expected
    assert expected_maps.max() > 0.0
    assert maps.shape == (3, 6, 4, 4)
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(maps, expected_maps, rtol=1e-4, atol=1e-5)


def test_no_size_is_compiled_during_a_call(make_tiny_step, frames, targets):
    step = make_tiny_step(("high",))
    step.prepare(1, 1)
    explain_batched(step, frames, targets, "gradcam")
    assert not any(step.is_prepared(n, k) for n in range(1, 4) for k in range(7) if (n, k) != (1, 1))


def test_top_classes_are_found_for_each_frame_separately(make_tiny_step, frames):
    step = make_tiny_step(("high",))
    step.prepare(1, 1)
    maps, logits = explain_batched(step, frames, np.zeros((3, 3, CLASSES), np.float32), "hirescam")
    for frame, by_rank, scores in zip(frames, maps, logits, strict=True):
        for index, saliency_map in zip(np.argsort(-scores)[:3], by_rank, strict=True):
            target = np.zeros((1, 1, CLASSES), np.float32)
            target[0, 0, index] = 1.0
            np.testing.assert_allclose(saliency_map, step([frame], target, "hirescam")[0][0, 0], rtol=1e-4, atol=1e-5)
