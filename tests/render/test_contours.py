from dataclasses import replace

import numpy as np
import pytest

from live_cam.frame import Look
from live_cam.render.contours import LEVELS, level_colors
from live_cam.render.overlay import overlay

_GREY = 128


def _drawn(make_frame, explanation, saliency_map, size=(480, 640), **look):
    """Gives the lines of a map over a grey picture at full opacity."""
    frame = make_frame(np.full((*size, 3), _GREY, np.uint8))
    explanation = replace(explanation, steady_map=np.asarray(saliency_map, np.float32), scale=1.0)
    return overlay(frame, explanation, Look(**{"style": "contours", "opacity": 1.0} | look))


def _places(picture, color):
    """Gives where a colour is, (N, 2), row and column."""
    return np.argwhere((np.abs(picture.astype(np.int16) - color) <= 2).all(axis=2))


def _hill(size=7, radius=3.0):
    """Gives a round hill that falls evenly from 1 in the middle to 0."""
    distance = np.hypot(*(np.indices((size, size)) - size // 2))
    return np.maximum(1 - distance / radius, 0)


def test_a_line_runs_where_the_map_has_its_value(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    picture = _drawn(make_frame, make_explanation(), ramp)
    for level, color in zip(LEVELS, level_colors("viridis"), strict=True):
        columns = _places(picture, color)[:, 1]
        # The values 0 and 1 stand at the centres of the first and the last of the seven columns.
        assert columns.mean() == pytest.approx((0.5 + level * 6) * 640 / 7 - 0.5, abs=3)
        assert np.ptp(columns) < 10


def test_lines_reach_the_rim_of_the_picture(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    picture = _drawn(make_frame, make_explanation(), ramp)
    for color in level_colors("viridis"):
        rows = _places(picture, color)[:, 0]
        assert set(rows) == set(range(480))


def test_nothing_but_the_lines_is_painted(make_frame, make_explanation):
    picture = _drawn(make_frame, make_explanation(), _hill())
    assert 0.85 < (picture == _GREY).all(axis=2).mean() < 0.98


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 1920)])
def test_lines_are_smooth_curves_and_no_staircases(make_frame, make_explanation, size):
    picture = _drawn(make_frame, make_explanation(), _hill(), size=size)
    rows, columns = ((_places(picture, level_colors("viridis")[1]) - np.subtract(size, 1) / 2) * 7 / size).T
    # The hill is round: everywhere on the line at a half the distance from its middle is the same.
    distance = np.hypot(rows, columns)
    assert distance.mean() == pytest.approx(1.5, abs=0.1)
    assert distance.std() < 0.06


def test_lines_are_thicker_inwards_and_in_higher_pictures(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    counts = {
        height: [
            len(_places(_drawn(make_frame, make_explanation(), ramp, (height, 640)), color)) / height
            for color in level_colors("viridis")
        ]
        for height in (480, 1080)
    }
    for outer, middle, inner in counts.values():
        assert outer < middle < inner
    assert counts[1080][2] > 1.8 * counts[480][2]


@pytest.mark.parametrize("brightness", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("colormap", ["viridis", "inferno", "cividis", "magma"])
def test_lines_stand_out_from_a_picture_of_any_brightness(make_frame, make_explanation, brightness, colormap):
    frame = make_frame(np.full((480, 640, 3), brightness, np.uint8))
    ramp = np.tile(np.linspace(0, 1, 7, dtype=np.float32), (7, 1))
    explanation = replace(make_explanation(), steady_map=ramp, scale=1.0)
    row = overlay(frame, explanation, Look("contours", 1.0, colormap))[240].astype(np.float64)
    grey = row @ (0.299, 0.587, 0.114)
    for level in LEVELS:
        column = round((0.5 + level * 6) * 640 / 7)
        around = np.append(grey[column - 8 : column + 9], brightness)
        assert np.ptp(around) > 60


def test_a_peak_one_cell_wide_has_all_three_lines(make_frame, make_explanation):
    saliency_map = np.zeros((7, 7))
    saliency_map[3, 3] = 1.0
    picture = _drawn(make_frame, make_explanation(), saliency_map)
    for color in level_colors("viridis"):
        places = _places(picture, color)
        assert len(places) > 30
        assert places.mean(axis=0) == pytest.approx((239.5, 319.5), abs=2)


def test_two_places_that_meet_at_a_corner_have_lines_without_loose_ends(make_frame, make_explanation):
    saliency_map = np.zeros((4, 4))
    saliency_map[1, 1] = saliency_map[2, 2] = 1.0
    picture = _drawn(make_frame, make_explanation(), saliency_map)
    line = _places(picture, level_colors("viridis")[1])
    mirrored = {(479 - y, 639 - x) for y, x in line.tolist()}
    # The picture is its own mirror image, but for rounding; a piece of line that is missing would show.
    assert len(mirrored & {(y, x) for y, x in line.tolist()}) > 0.8 * len(line)


def test_a_map_that_is_the_same_everywhere_has_no_lines(make_frame, make_explanation):
    for value in (0.1, 0.4, 0.6, 1.0):
        assert (_drawn(make_frame, make_explanation(), np.full((7, 7), value)) == _GREY).all()
