from dataclasses import replace

import numpy as np
import pytest

from live_cam.render.contours import LEVELS, level_colors
from live_cam.render.overlay import overlay
from live_cam.types import OverlayStyle

_GREY = 128


def _draw(make_frame, explanation, saliency_map, size=(480, 640)):
    """Returns the contours of a map over a grey frame at full opacity."""
    frame = make_frame(np.full((*size, 3), _GREY, np.uint8))
    explanation = replace(explanation, smoothed_map=np.asarray(saliency_map, np.float32), vmax=1.0)
    return overlay(frame, explanation, OverlayStyle("contours", opacity=1.0))


def _positions(image, color):
    """Returns where a colour is, (N, 2), row and column."""
    return np.argwhere((np.abs(image.astype(np.int16) - color) <= 2).all(axis=2))


def _hill(size=7, radius=3.0):
    """Returns a cone that falls from 1 in the middle to 0."""
    distance = np.hypot(*(np.indices((size, size)) - size // 2))
    return np.maximum(1 - distance / radius, 0)


def test_a_line_follows_its_value(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    drawn = _draw(make_frame, make_explanation(), ramp)
    for level, color in zip(LEVELS, level_colors("viridis"), strict=True):
        columns = _positions(drawn, color)[:, 1]
        # The values 0 and 1 are at the centres of the first and the last of the seven columns.
        assert columns.mean() == pytest.approx((0.5 + level * 6) * 640 / 7 - 0.5, abs=3)
        assert np.ptp(columns) < 10


def test_lines_reach_the_border_of_the_frame(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    drawn = _draw(make_frame, make_explanation(), ramp)
    for color in level_colors("viridis"):
        rows = _positions(drawn, color)[:, 0]
        assert set(rows) == set(range(480))


def test_only_the_lines_are_drawn(make_frame, make_explanation):
    drawn = _draw(make_frame, make_explanation(), _hill())
    assert 0.85 < (drawn == _GREY).all(axis=2).mean() < 0.98


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 1920)])
def test_lines_are_smooth_curves(make_frame, make_explanation, size):
    drawn = _draw(make_frame, make_explanation(), _hill(), size=size)
    rows, columns = ((_positions(drawn, level_colors("viridis")[1]) - np.subtract(size, 1) / 2) * 7 / size).T
    # The hill is round: all points of the line at 0.5 are equally far from its middle.
    distance = np.hypot(rows, columns)
    assert distance.mean() == pytest.approx(1.5, abs=0.1)
    assert distance.std() < 0.06


def test_inner_lines_and_lines_in_higher_frames_are_thicker(make_frame, make_explanation):
    ramp = np.tile(np.linspace(0, 1, 7), (7, 1))
    counts = {
        height: [
            len(_positions(_draw(make_frame, make_explanation(), ramp, (height, 640)), color)) / height
            for color in level_colors("viridis")
        ]
        for height in (480, 1080)
    }
    for outer, middle, inner in counts.values():
        assert outer < middle < inner
    assert counts[1080][2] > 1.8 * counts[480][2]


@pytest.mark.parametrize("brightness", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("colormap", ["viridis", "inferno", "cividis", "magma"])
def test_lines_are_visible_on_frames_of_any_brightness(make_frame, make_explanation, brightness, colormap):
    frame = make_frame(np.full((480, 640, 3), brightness, np.uint8))
    ramp = np.tile(np.linspace(0, 1, 7, dtype=np.float32), (7, 1))
    explanation = replace(make_explanation(), smoothed_map=ramp, vmax=1.0)
    row = overlay(frame, explanation, OverlayStyle("contours", 1.0, colormap))[240].astype(np.float64)
    grey = row @ (0.299, 0.587, 0.114)
    for level in LEVELS:
        column = round((0.5 + level * 6) * 640 / 7)
        around = np.append(grey[column - 8 : column + 9], brightness)
        assert np.ptp(around) > 60


def test_a_peak_of_one_cell_has_all_three_lines(make_frame, make_explanation):
    saliency_map = np.zeros((7, 7))
    saliency_map[3, 3] = 1.0
    drawn = _draw(make_frame, make_explanation(), saliency_map)
    for color in level_colors("viridis"):
        positions = _positions(drawn, color)
        assert len(positions) > 30
        assert positions.mean(axis=0) == pytest.approx((239.5, 319.5), abs=2)


def test_cells_that_meet_at_a_corner_have_lines_without_gaps(make_frame, make_explanation):
    saliency_map = np.zeros((4, 4))
    saliency_map[1, 1] = saliency_map[2, 2] = 1.0
    drawn = _draw(make_frame, make_explanation(), saliency_map)
    line = _positions(drawn, level_colors("viridis")[1])
    mirrored = {(479 - y, 639 - x) for y, x in line.tolist()}
    # The result is symmetric but for rounding; a missing segment would break the symmetry.
    assert len(mirrored & {(y, x) for y, x in line.tolist()}) > 0.8 * len(line)


def test_a_constant_map_has_no_lines(make_frame, make_explanation):
    for value in (0.1, 0.4, 0.6, 1.0):
        assert (_draw(make_frame, make_explanation(), np.full((7, 7), value)) == _GREY).all()
