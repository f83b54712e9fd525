"""Which steps are ready, and which are dropped."""

import gc
import threading
import weakref

import numpy as np
import pytest

from live_cam.errors import LiveCamError, UnknownLayerError
from live_cam.explain.runtime.step_cache import StepCache
from tests.networks import TINY_WEIGHTS_BYTES

pytestmark = pytest.mark.slow

ONE = [(1, 1)]
STEP_BYTES = 2 * TINY_WEIGHTS_BYTES
FRAME_PX = (48, 64)
TOP = np.zeros((1, 1, 10), np.float32)
NOISE = np.random.default_rng(0).integers(0, 256, (1, *FRAME_PX, 3), np.uint8)

HIGH, MIDDLE, LOW, ALL = ("high",), ("middle",), ("low",), ("low", "middle", "high")


@pytest.fixture
def steps(make_tiny_step):
    steps = StepCache(make_tiny_step, first=HIGH, max_bytes=3 * STEP_BYTES)
    steps.prepare(HIGH, ONE, FRAME_PX)
    return steps


def ready(steps):
    return {layers for layers in (HIGH, MIDDLE, LOW, ALL) if steps.is_ready(layers)}


def test_layer_is_ready_once_prepared(steps):
    assert ready(steps) == {HIGH}
    with pytest.raises(LiveCamError, match=r"^low is not ready; call prepare\(\) first$"):
        steps.take(LOW)
    steps.prepare(LOW, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, LOW}
    assert steps.take(LOW)(NOISE, TOP)[0].shape == (1, 1, 56, 56)
    assert steps.take(HIGH)(NOISE, TOP)[0].shape == (1, 1, 4, 4)


def test_ready_layer_can_be_prepared_for_more_targets(steps):
    step = steps.take(HIGH)
    assert not step.is_prepared(1, 3)
    steps.prepare(HIGH, [(1, 1), (1, 3)], FRAME_PX)
    assert steps.take(HIGH) is step
    assert step.is_prepared(1, 3)


def test_least_recently_used_step_is_dropped_for_a_fourth(steps):
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.prepare(LOW, ONE, FRAME_PX)
    steps.take(MIDDLE)
    steps.take(HIGH)
    steps.prepare(ALL, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, MIDDLE, ALL}


def test_step_in_use_and_first_step_are_not_dropped(steps):
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.take(MIDDLE)
    for layers in (LOW, ALL, LOW):
        steps.prepare(layers, ONE, FRAME_PX)
        assert ready(steps) == {HIGH, MIDDLE, layers}


def test_memory_stays_within_the_bound_however_often_layers_change(make_tiny_step):
    made = []

    def make_step(layers):
        step = make_tiny_step(layers)
        made.append(weakref.ref(step))
        return step

    steps = StepCache(make_step, first=HIGH, max_bytes=3 * STEP_BYTES)
    steps.prepare(HIGH, ONE, FRAME_PX)
    for layers in (MIDDLE, LOW, ALL) * 2:
        steps.prepare(layers, ONE, FRAME_PX)
        steps.take(layers)
        assert steps.memory_bytes <= 3 * STEP_BYTES
    gc.collect()
    assert len(made) == 7
    assert sum(step() is not None for step in made) == 3, "dropped steps are freed"


def test_more_targets_count_too(steps):
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.prepare(LOW, ONE, FRAME_PX)
    steps.take(LOW)
    assert steps.memory_bytes == 3 * STEP_BYTES
    steps.prepare(LOW, [(1, 1), (1, 2)], FRAME_PX)
    assert ready(steps) == {HIGH, LOW}
    assert steps.is_ready(LOW, 2)


def test_what_does_not_fit_beside_the_layers_in_use_is_an_error_that_says_so(make_tiny_step):
    steps = StepCache(make_tiny_step, first=HIGH, max_bytes=2 * STEP_BYTES)
    steps.prepare(HIGH, ONE, FRAME_PX)
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.take(MIDDLE)
    with pytest.raises(LiveCamError, match=r"^low takes 0 MB of memory, .* give more with --max-memory$"):
        steps.prepare(LOW, ONE, FRAME_PX)
    with pytest.raises(LiveCamError, match=r"--max-memory$"):
        steps.prepare(MIDDLE, [(1, 1), (1, 2)], FRAME_PX)
    assert ready(steps) == {HIGH, MIDDLE}
    steps.take(HIGH)
    steps.prepare(LOW, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, LOW}


def test_the_first_step_is_compiled_whatever_the_bound(make_tiny_step):
    steps = StepCache(make_tiny_step, first=HIGH, max_bytes=0)
    steps.prepare(HIGH, [(1, 1), (2, 1)], FRAME_PX)
    assert steps.take(HIGH).is_prepared(2, 1)


def test_unknown_layer_is_an_error_and_changes_nothing(steps):
    with pytest.raises(UnknownLayerError, match="'lower'; did you mean low"):
        steps.prepare(("lower",), ONE, FRAME_PX)
    assert ready(steps) == {HIGH}
    steps.prepare(LOW, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, LOW}


def test_any_error_of_a_runtime_becomes_one_line(steps):
    with pytest.raises(LiveCamError, match=r"^preparing low failed: ") as caught:
        steps.prepare(LOW, [(1, -1)], FRAME_PX)
    assert "\n" not in str(caught.value)
    assert ready(steps) == {HIGH}


def test_frames_are_explained_while_another_layer_is_prepared(steps):
    expected = steps.take(HIGH)(NOISE, TOP)[0]
    preparing = threading.Thread(target=steps.prepare, args=(ALL, [(1, 1), (1, 2)], FRAME_PX))
    preparing.start()
    calls = 0
    while preparing.is_alive():
        np.testing.assert_array_equal(steps.take(HIGH)(NOISE, TOP)[0], expected)
        calls += 1
    preparing.join()
    assert calls > 1
    assert ready(steps) == {HIGH, ALL}
