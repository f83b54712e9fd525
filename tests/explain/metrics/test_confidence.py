"""Average drop and increase in confidence, worked by hand on two pixels."""

import math

import numpy as np
import pytest

from live_cam.explain.metrics.confidence import Confidence, confidence

IMAGE = np.array([[[200] * 3, [100] * 3]], np.uint8)


def bright_or_dark(images):
    brightness = images.mean(axis=(1, 2, 3)) / 255
    return np.stack([brightness, 1.0 - brightness], axis=1)


def test_drop_is_the_share_of_the_probability_that_is_lost():
    found = confidence(IMAGE, np.array([[2.0, 1.0]], np.float32), bright_or_dark, 0)
    # The map is 1, 0.5; the pixels become 200, 50.
    assert (found.of_image, found.of_map) == pytest.approx((150 / 255, 125 / 255))
    assert found.drop_percent == pytest.approx(100 * 25 / 150)
    assert found.increase_percent == 0.0


def test_a_gain_is_an_increase_and_no_drop():
    found = confidence(IMAGE, np.array([[2.0, 1.0]], np.float32), bright_or_dark, 1)
    assert (found.of_image, found.of_map) == pytest.approx((105 / 255, 130 / 255))
    assert (found.drop_percent, found.increase_percent) == (0.0, 100.0)


def test_negative_relevance_hides_and_an_empty_map_hides_all():
    assert confidence(IMAGE, np.array([[-9.0, 1.0]], np.float32), bright_or_dark, 0).of_map == pytest.approx(50 / 255)
    assert confidence(IMAGE, np.zeros((1, 2), np.float32), bright_or_dark, 0).drop_percent == 100.0


def test_nothing_drops_from_a_probability_of_zero():
    assert math.isnan(Confidence(0.0, 0.5).drop_percent)
    assert Confidence(0.4, 0.4).increase_percent == 0.0
