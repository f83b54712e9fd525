from dataclasses import replace

import numpy as np
import pytest

from live_cam.frame import Look
from live_cam.render.overlay import overlay


def _lit(frame, explanation, saliency_map, opacity=1.0):
    explanation = replace(explanation, steady_map=np.asarray(saliency_map, np.float32), scale=1.0)
    return overlay(frame, explanation, Look("spotlight", opacity))


@pytest.fixture
def photograph_frame(make_frame):
    return make_frame(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8))


def test_where_the_map_is_strong_the_picture_stays_as_it_is(photograph_frame, make_explanation):
    for value in (0.6, 0.8, 1.0):
        picture = _lit(photograph_frame, make_explanation(), np.full((7, 7), value))
        assert np.array_equal(picture, photograph_frame.rgb)


def test_where_the_map_is_empty_little_light_is_left_and_no_colour(photograph_frame, make_explanation):
    saliency_map = np.zeros((7, 7))
    saliency_map[:, 6] = 1.0
    dark = _lit(photograph_frame, make_explanation(), saliency_map)[:, :60]
    assert dark.max() <= 26
    assert np.ptp(dark, axis=2).max() == 0
    assert dark.std() > 1, "what is there can still be made out"


def test_a_place_of_more_value_is_never_darker(make_frame, make_explanation):
    frame = make_frame(np.full((70, 700, 3), (220, 120, 60), np.uint8))
    row = _lit(frame, make_explanation(), np.tile(np.linspace(0, 1, 7), (7, 1)))[35].astype(np.int16)
    assert np.diff(row, axis=0).min() >= -1, "by more than rounding"
    assert row[0].sum() < 60
    assert row[-1].tolist() == [220, 120, 60]


def test_opacity_says_how_dark_the_rest_is(make_frame, make_explanation):
    frame = make_frame(np.full((70, 70, 3), 200, np.uint8))
    saliency_map = np.zeros((7, 7))
    saliency_map[6, 6] = 1.0
    left = [_lit(frame, make_explanation(), saliency_map, opacity)[5, 5, 0] for opacity in (0.1, 0.4, 0.7, 1.0)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 160
    assert 30 < left[2] < 80
    assert left[3] == 20


def test_the_light_has_no_corners(make_frame, make_explanation):
    frame = make_frame(np.full((420, 420, 3), 200, np.uint8))
    saliency_map = np.zeros((7, 7))
    saliency_map[3, 3] = 1.0
    lit = _lit(frame, make_explanation(), saliency_map)[..., 0]
    # A light that follows the cells is a diamond or a square: much wider one way than the other.
    straight, diagonal = (lit > 110)[210].sum(), np.diagonal(lit > 110).sum() * np.sqrt(2)
    assert diagonal == pytest.approx(straight, rel=0.15)


def test_a_map_that_is_weak_everywhere_leaves_the_picture_alone(photograph_frame, make_explanation):
    for value, change in ((0.0, 0), (0.02, 5), (0.1, 40)):
        picture = _lit(photograph_frame, make_explanation(), np.full((7, 7), value)).astype(np.int16)
        assert np.abs(picture - photograph_frame.rgb).max() <= change
