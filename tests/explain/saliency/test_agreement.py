"""How far two maps agree."""

import cv2
import numpy as np
import pytest

from live_cam.explain.saliency.agreement import correlation, correlation_in_frame


def test_flat_maps_agree_only_with_flat_maps():
    flat, peaked = np.zeros((2, 2), np.float32), np.eye(2, dtype=np.float32)
    assert (correlation(flat, flat), correlation(flat, peaked), correlation(peaked, flat)) == (1.0, 0.0, 0.0)
    assert correlation(peaked, 2 * peaked) == pytest.approx(1.0)


WHOLE = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture
def fine():
    return np.random.default_rng(0).random((6, 8), np.float32)


def test_of_maps_of_two_sizes_the_coarser_is_enlarged_as_it_is_when_drawn(fine):
    coarse = np.random.default_rng(1).random((3, 4), np.float32)
    enlarged = np.asarray(cv2.resize(coarse, (8, 6), interpolation=cv2.INTER_LINEAR), np.float32)
    expected = correlation(enlarged, fine)
    assert abs(expected) < 0.9
    assert correlation_in_frame(coarse, WHOLE, fine, WHOLE) == pytest.approx(expected, abs=1e-6)
    assert correlation_in_frame(fine, WHOLE, coarse, WHOLE) == pytest.approx(expected, abs=1e-6)
    assert correlation_in_frame(fine, WHOLE, 3 * fine, WHOLE) == pytest.approx(1.0)


def test_only_what_both_cover_is_compared(fine):
    middle = fine[:, 2:6]
    assert correlation_in_frame(fine, WHOLE, middle, (0.25, 0.0, 0.75, 1.0)) == pytest.approx(1.0)
    padded = np.pad(fine, ((1, 1), (0, 0)), constant_values=9.0)
    assert correlation_in_frame(fine, WHOLE, padded, (0.0, -1 / 6, 1.0, 7 / 6)) == pytest.approx(1.0)


def test_a_map_that_vanished_agrees_with_no_other_that_is_there():
    empty, even = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    assert correlation_in_frame(empty, WHOLE, even, WHOLE) == 0.0
    assert correlation_in_frame(empty, WHOLE, np.zeros((7, 7), np.float32), WHOLE) == 1.0
