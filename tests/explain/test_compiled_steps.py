"""Which layers are ready to be explained, and which make room."""

import threading

import numpy as np
import pytest

from live_cam.errors import LiveCamError, UnknownLayerError
from live_cam.explain.compiled_steps import CompiledSteps

ONE = [(1, 1)]
FRAME_PX = (48, 64)
LIKELIEST = np.zeros((1, 1, 10), np.float32)
NOISE = np.random.default_rng(0).integers(0, 256, (1, *FRAME_PX, 3), np.uint8)

HIGH, MIDDLE, LOW, ALL = ("high",), ("middle",), ("low",), ("low", "middle", "high")


@pytest.fixture
def steps(make_tiny_step):
    steps = CompiledSteps(make_tiny_step, first=HIGH, most=3)
    steps.prepare(HIGH, ONE, FRAME_PX)
    return steps


def ready(steps):
    return {layers for layers in (HIGH, MIDDLE, LOW, ALL) if steps.is_ready(layers)}


def test_a_layer_is_ready_once_it_is_prepared(steps):
    assert ready(steps) == {HIGH}
    with pytest.raises(LiveCamError, match=r"^low is not ready to be explained; it has to be prepared first$"):
        steps.take(LOW)
    steps.prepare(LOW, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, LOW}
    assert steps.take(LOW)(NOISE, LIKELIEST)[0].shape == (1, 1, 56, 56)
    assert steps.take(HIGH)(NOISE, LIKELIEST)[0].shape == (1, 1, 4, 4)


def test_what_is_ready_can_be_made_ready_for_more_targets(steps):
    step = steps.take(HIGH)
    assert not step.is_prepared(1, 3)
    steps.prepare(HIGH, [(1, 1), (1, 3)], FRAME_PX)
    assert steps.take(HIGH) is step
    assert step.is_prepared(1, 3)


def test_the_layer_not_used_for_longest_makes_room_for_a_fourth(steps):
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.prepare(LOW, ONE, FRAME_PX)
    steps.take(MIDDLE)
    steps.take(HIGH)
    steps.prepare(ALL, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, MIDDLE, ALL}


def test_what_is_in_use_and_what_was_there_first_stay(steps):
    steps.prepare(MIDDLE, ONE, FRAME_PX)
    steps.take(MIDDLE)
    for layers in (LOW, ALL, LOW):
        steps.prepare(layers, ONE, FRAME_PX)
        assert ready(steps) == {HIGH, MIDDLE, layers}


def test_a_layer_that_does_not_exist_is_told_and_spoils_nothing(steps):
    with pytest.raises(UnknownLayerError, match="'lower'; did you mean low"):
        steps.prepare(("lower",), ONE, FRAME_PX)
    assert ready(steps) == {HIGH}
    steps.prepare(LOW, ONE, FRAME_PX)
    assert ready(steps) == {HIGH, LOW}


def test_whatever_fails_in_a_runtime_is_one_line_for_the_user(steps):
    with pytest.raises(LiveCamError, match=r"^low can't be prepared: ") as caught:
        steps.prepare(LOW, [(1, -1)], FRAME_PX)
    assert "\n" not in str(caught.value)
    assert ready(steps) == {HIGH}


def test_explaining_goes_on_while_another_layer_is_prepared(steps):
    expected = steps.take(HIGH)(NOISE, LIKELIEST)[0]
    preparing = threading.Thread(target=steps.prepare, args=(ALL, [(1, 1), (1, 2)], FRAME_PX))
    preparing.start()
    answers = 0
    while preparing.is_alive():
        np.testing.assert_array_equal(steps.take(HIGH)(NOISE, LIKELIEST)[0], expected)
        answers += 1
    preparing.join()
    assert answers > 1
    assert ready(steps) == {HIGH, ALL}
