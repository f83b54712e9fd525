import time

import numpy as np
import pytest

from live_cam.explain.inputs import resize_to_input
from live_cam.explain.occlusion import NOTHING_RGB, hide, square
from live_cam.explain.probabilities import probabilities

ESPRESSO = 967


def is_covered(rgb):
    return (rgb == NOTHING_RGB).all(axis=-1)


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 480), (480, 640), (100, 100), (1920, 200)])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.02, 0.9)])
def test_the_square_has_equal_sides_and_lies_in_the_picture(width_px, height_px, place):
    left, top, right, bottom = square(*place, width_px, height_px)
    side_px = min(width_px, height_px) / 4
    assert (right - left) * width_px == pytest.approx(side_px)
    assert (bottom - top) * height_px == pytest.approx(side_px)
    assert left >= 0.0
    assert top >= 0.0
    assert right <= 1.0 + 1e-9
    assert bottom <= 1.0 + 1e-9


def test_the_square_lies_around_the_place_where_there_is_room():
    left, top, right, bottom = square(0.4, 0.6, 640, 480)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((0.4, 0.6))


def test_a_box_is_covered_and_nothing_beside_it():
    white = np.full((480, 640, 3), 255, np.uint8)
    covered = is_covered(hide(white, (0.25, 0.5, 0.5, 1.0)))
    assert covered.shape == (224, 224)
    assert covered[112:, 56:112].all()
    assert covered.sum() == 112 * 56


def test_a_square_at_the_edge_is_covered_in_full():
    white = np.full((224, 224, 3), 255, np.uint8)
    assert is_covered(hide(white, square(1.0, 1.0, 224, 224)))[168:, 168:].all()


@pytest.mark.parametrize("shape", [(7, 7), (56, 56), (3, 5), (224, 224)])
def test_a_mask_is_stretched_over_the_picture_cell_by_cell(shape):
    white = np.full((333, 500, 3), 255, np.uint8)
    mask = np.random.default_rng(0).random(shape) < 0.5
    covered = is_covered(hide(white, mask))
    rows, columns = ((2 * np.arange(224) + 1) * cells // 448 for cells in shape)
    np.testing.assert_array_equal(covered, mask[rows][:, columns])


def test_what_is_not_hidden_reaches_the_network_as_ever_and_the_frame_is_left_alone(photographs):
    lion = photographs["lion"].copy()
    lion.flags.writeable = False
    seen = np.empty((1, 224, 224, 3), np.uint8)
    resize_to_input([lion], seen)
    np.testing.assert_array_equal(hide(lion, np.zeros((7, 7), bool)), seen[0])
    half = hide(lion, (0.0, 0.0, 0.5, 1.0))
    np.testing.assert_array_equal(half[:, 112:], seen[0, :, 112:])
    # To be resized by the step once more must change nothing.
    again = np.empty_like(seen)
    resize_to_input([half], again)
    np.testing.assert_array_equal(again[0], half)


def test_hiding_costs_next_to_nothing():
    frame = np.zeros((480, 640, 3), np.uint8)
    hide(frame, (0.0, 0.0, 0.5, 0.5))
    took_s = []
    for _ in range(20):
        started_s = time.perf_counter()
        hide(frame, (0.0, 0.0, 0.5, 0.5))
        took_s.append(time.perf_counter() - started_s)
    assert min(took_s) < 0.005


@pytest.mark.slow
def test_hiding_the_espresso_costs_its_name_and_hiding_the_table_does_not(explainer, photographs):
    coffee = photographs["espresso"]
    cup, corner = (0.2, 0.05, 0.8, 0.75), (0.8, 0.0, 1.0, 1.0)
    logits = explainer.logits([coffee, hide(coffee, cup), hide(coffee, corner)])
    as_it_is, without_cup, without_corner = probabilities(logits)[:, ESPRESSO]
    assert as_it_is > 0.9
    assert without_cup < 0.1
    assert without_corner > 0.8
