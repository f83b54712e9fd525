"""Pointing game, relevance mass and rank, worked by hand."""

import math

import numpy as np
import pytest

from live_cam import UsageError
from live_cam.explain.metrics.localization import box_mask, pointing_game, relevance_mass, relevance_rank

MAP = np.array([[1, 2], [3, 4]], np.float32)
TOP, RIGHT = np.array([[1, 1], [0, 0]], bool), np.array([[0, 1], [0, 1]], bool)


def peak(row, column):
    saliency_map = np.zeros((40, 40), np.float32)
    saliency_map[row, column] = 1.0
    return saliency_map


def test_a_box_covers_its_fractions():
    mask = box_mask((0.25, 0.5, 0.75, 1.0), (4, 8))
    assert mask.sum() == 8
    assert mask[2:, 2:6].all()
    assert box_mask((-1.0, -1.0, 0.5, 2.0), (4, 8)).sum() == 16


@pytest.mark.parametrize(("column", "hit"), [(15, 1.0), (16, 0.0)])
def test_pointing_tolerates_15_pixels(column, hit):
    mask = np.zeros((40, 40), bool)
    mask[:, column:] = True
    assert pointing_game(peak(20, 0), mask) == hit


def test_tolerance_is_a_circle():
    mask = np.zeros((40, 40), bool)
    mask[11, 11] = True  # at a distance of 15.56
    assert pointing_game(peak(0, 0), mask) == 0.0
    assert pointing_game(peak(0, 1), mask) == 1.0  # 14.87


def test_several_maxima_hit_by_their_share_and_an_empty_map_misses():
    assert pointing_game(np.array([[1, 1], [1, 0]], np.float32), TOP, tolerance_px=0.0) == pytest.approx(2 / 3)
    assert pointing_game(np.zeros((2, 2), np.float32), np.ones((2, 2), bool)) == 0.0


def test_mass_is_the_share_of_positive_relevance():
    assert relevance_mass(MAP, TOP) == pytest.approx(3 / 10)
    assert relevance_mass(MAP, RIGHT) == pytest.approx(6 / 10)
    assert relevance_mass(MAP - 2.0, RIGHT) == pytest.approx(2 / 3)
    assert math.isnan(relevance_mass(-MAP, TOP))


def test_rank_is_the_share_of_as_many_pixels_as_the_object_has():
    assert relevance_rank(MAP, TOP) == 0.0
    assert relevance_rank(MAP, RIGHT) == 0.5
    assert relevance_rank(MAP, ~TOP) == 1.0


def test_equal_values_at_the_last_rank_count_by_chance():
    assert relevance_rank(np.ones((2, 2), np.float32), TOP) == 0.5
    # The 5 is one of the two; one of three equal values, of which one is on the object, is the other.
    assert relevance_rank(np.array([[5, 1], [1, 1]], np.float32), TOP) == pytest.approx((1 + 1 / 3) / 2)


def test_a_map_is_enlarged_to_the_mask():
    assert relevance_mass(MAP, box_mask((0.0, 0.0, 1.0, 1.0), (50, 60))) == pytest.approx(1.0)


@pytest.mark.parametrize("mask", [np.zeros((2, 2), bool), np.ones((2, 2), np.uint8), np.ones(4, bool)])
@pytest.mark.parametrize("metric", [pointing_game, relevance_mass, relevance_rank])
def test_what_is_no_mask_is_refused(metric, mask):
    with pytest.raises(UsageError, match="the mask of an object is bool"):
        metric(MAP, mask)
