from dataclasses import replace

import numpy as np
import pytest

from live_cam.render.overlay import overlay
from live_cam.types import OverlayStyle


def _draw(frame, explanation, saliency_map, opacity=1.0):
    explanation = replace(explanation, smoothed_map=np.asarray(saliency_map, np.float32), vmax=1.0)
    return overlay(frame, explanation, OverlayStyle("spotlight", opacity))


@pytest.fixture
def photograph_frame(make_frame):
    return make_frame(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8))


def test_where_the_map_is_strong_the_frame_is_unchanged(photograph_frame, make_explanation):
    for value in (0.6, 0.8, 1.0):
        drawn = _draw(photograph_frame, make_explanation(), np.full((7, 7), value))
        assert np.array_equal(drawn, photograph_frame.rgb)


def test_where_the_map_is_empty_the_frame_is_dark_and_grey(photograph_frame, make_explanation):
    saliency_map = np.zeros((7, 7))
    saliency_map[:, 6] = 1.0
    dark = _draw(photograph_frame, make_explanation(), saliency_map)[:, :60]
    assert dark.max() <= 26
    assert np.ptp(dark, axis=2).max() == 0
    assert dark.std() > 1, "its content is still recognizable"


def test_brightness_is_monotonic_in_the_value(make_frame, make_explanation):
    frame = make_frame(np.full((70, 700, 3), (220, 120, 60), np.uint8))
    row = _draw(frame, make_explanation(), np.tile(np.linspace(0, 1, 7), (7, 1)))[35].astype(np.int16)
    assert np.diff(row, axis=0).min() >= -1, "darker by more than rounding"
    assert row[0].sum() < 60
    assert row[-1].tolist() == [220, 120, 60]


def test_opacity_sets_how_dark_the_rest_is(make_frame, make_explanation):
    frame = make_frame(np.full((70, 70, 3), 200, np.uint8))
    saliency_map = np.zeros((7, 7))
    saliency_map[6, 6] = 1.0
    levels = [_draw(frame, make_explanation(), saliency_map, opacity)[5, 5, 0] for opacity in (0.1, 0.4, 0.7, 1.0)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 160
    assert 30 < levels[2] < 80
    assert levels[3] == 20


def test_the_light_is_round(make_frame, make_explanation):
    frame = make_frame(np.full((420, 420, 3), 200, np.uint8))
    saliency_map = np.zeros((7, 7))
    saliency_map[3, 3] = 1.0
    lit = _draw(frame, make_explanation(), saliency_map)[..., 0]
    # A light that follows the cells is a diamond or a square: much wider one way than the other.
    straight, diagonal = (lit > 110)[210].sum(), np.diagonal(lit > 110).sum() * np.sqrt(2)
    assert diagonal == pytest.approx(straight, rel=0.15)


def test_a_map_that_is_weak_everywhere_dims_little(photograph_frame, make_explanation):
    for value, change in ((0.0, 0), (0.02, 5), (0.1, 40)):
        drawn = _draw(photograph_frame, make_explanation(), np.full((7, 7), value)).astype(np.int16)
        assert np.abs(drawn - photograph_frame.rgb).max() <= change
