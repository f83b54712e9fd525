from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from live_cam.render.colormaps import COLORMAPS, color_table
from live_cam.render.overlay import overlay
from live_cam.types import Frame, OverlayStyle, Style

_CORNERS = {"top left": (1, 1), "top right": (1, 5), "bottom left": (5, 1), "bottom right": (5, 5)}


@pytest.fixture
def photograph_frame(make_frame):
    """A frame with all values."""
    return make_frame(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8))


def _with_map(explanation, saliency_map, vmax=None):
    saliency_map = np.asarray(saliency_map, np.float32)
    return replace(explanation, smoothed_map=saliency_map, vmax=float(saliency_map.max()) if vmax is None else vmax)


def _peak_at(row, column):
    saliency_map = np.zeros((7, 7), np.float32)
    saliency_map[row, column] = 3.0
    return saliency_map


def _interpolate(values, positions):
    """Interpolates between the rows of an array, which is extended by its first and last row."""
    positions = np.clip(positions, 0, len(values) - 1)
    before = positions.astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    fraction = (positions - before).reshape(-1, *(1,) * (values.ndim - 1))
    return values[before] * (1 - fraction) + values[after] * fraction


def _reference(rgb, explanation, opacity, colormap):
    """Returns the heat map by its definition, without rounding, float64 (H, W, 3)."""
    normalized = np.clip(explanation.smoothed_map.astype(np.float64) / explanation.vmax, 0, 1)
    for axis, length in enumerate(rgb.shape[:2]):
        centres = (np.arange(length) + 0.5) * normalized.shape[axis] / length - 0.5
        normalized = np.moveaxis(_interpolate(np.moveaxis(normalized, axis, 0), centres), 0, axis)
    colors = _interpolate(color_table(colormap)[:, 0].astype(np.float64), normalized.ravel() * 255).reshape(rgb.shape)
    weights = (np.sqrt(normalized) * opacity * explanation.evidence)[..., np.newaxis]
    return colors * weights + rgb * (1 - weights)


def _change(drawn, frame):
    """Returns how much each pixel differs from the frame's."""
    return np.abs(drawn.astype(np.int16) - frame.rgb).sum(axis=2)


@pytest.mark.parametrize(
    ("changes", "opacity"),
    [
        ({"evidence": 0.0}, 1.0),
        ({"vmax": 0.0}, 1.0),
        ({"vmax": 0.0, "smoothed_map": np.zeros((7, 7), np.float32)}, 1.0),
        ({"smoothed_map": np.zeros((7, 7), np.float32)}, 1.0),
        ({"smoothed_map": np.full((7, 7), -5.0, np.float32)}, 1.0),
        ({}, 0.0),
    ],
    ids=["no evidence", "no vmax", "empty map, no vmax", "empty map", "negative map", "no opacity"],
)
@pytest.mark.parametrize("style", get_args(Style))
def test_a_frame_without_evidence_is_unchanged(photograph_frame, make_explanation, changes, opacity, style):
    drawn = overlay(photograph_frame, replace(make_explanation(), **changes), OverlayStyle(style, opacity))
    assert np.array_equal(drawn, photograph_frame.rgb)


@pytest.mark.parametrize(("row", "column"), _CORNERS.values(), ids=_CORNERS)
def test_the_peak_of_the_map_is_the_most_opaque(make_frame, make_explanation, row, column):
    frame = make_frame(np.full((140, 280, 3), 128, np.uint8))
    drawn = overlay(frame, _with_map(make_explanation(), _peak_at(row, column)), OverlayStyle(opacity=0.7))
    change = _change(drawn, frame)
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert (y // 20, x // 40) == (row, column)
    rows, columns = np.indices(change.shape) // np.reshape((20, 40), (2, 1, 1))
    elsewhere = (abs(rows - row) > 1) | (abs(columns - column) > 1)
    assert change[elsewhere].max() == 0


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_full_evidence_at_full_opacity_shows_the_highest_colour(make_frame, make_explanation, colormap):
    frame = make_frame(np.full((60, 80, 3), 128, np.uint8))
    drawn = overlay(
        frame, _with_map(make_explanation(), np.full((7, 7), 4.0)), OverlayStyle(opacity=1.0, colormap=colormap)
    )
    assert np.allclose(drawn, color_table(colormap)[255, 0], atol=1)


def test_the_highest_of_the_default_colours_is_yellow_in_rgb(make_frame, make_explanation):
    drawn = overlay(make_frame(), _with_map(make_explanation(), np.ones((7, 7))), OverlayStyle(opacity=1.0))
    red, green, blue = drawn[24, 32].tolist()
    assert red > 200
    assert green > 200
    assert blue < 100


def test_twice_the_evidence_changes_the_frame_twice_as_much(photograph_frame, make_explanation):
    change = {
        evidence: _change(
            overlay(photograph_frame, make_explanation(evidence=evidence), OverlayStyle(opacity=0.8)), photograph_frame
        ).mean()
        for evidence in (0.25, 0.5, 1.0)
    }
    assert change[0.5] == pytest.approx(2 * change[0.25], rel=0.1)
    assert change[1.0] == pytest.approx(2 * change[0.5], rel=0.1)


def test_twice_the_opacity_changes_the_frame_twice_as_much(photograph_frame, make_explanation):
    faint, plain = (
        _change(overlay(photograph_frame, make_explanation(), OverlayStyle(opacity=opacity)), photograph_frame).mean()
        for opacity in (0.4, 0.8)
    )
    assert plain == pytest.approx(2 * faint, rel=0.1)


# The two largest are drawn in two and three bands, the last of which is smaller.
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 77), (151, 640), (250, 641)])
@pytest.mark.parametrize("map_size", [(1, 1), (7, 7), (14, 14), (56, 28)])
@pytest.mark.parametrize("colormap", COLORMAPS)
def test_the_heatmap_is_as_defined_but_for_rounding(make_frame, make_explanation, size, map_size, colormap):
    random = np.random.default_rng(3)
    frame = make_frame(random.integers(0, 256, (*size, 3), np.uint8))
    # A third is negative, and the highest values are above vmax.
    explanation = _with_map(make_explanation(evidence=0.9), random.uniform(-1, 2, map_size), vmax=1.8)
    drawn = overlay(frame, explanation, OverlayStyle(opacity=0.7, colormap=colormap))
    error = np.abs(drawn - _reference(frame.rgb, explanation, 0.7, colormap))
    assert error.max() < 4.5, "colours are looked up by a root of eight bits"
    assert error.mean() < 0.7


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2, ::2], np.s_[..., ::-1]], ids=["mirrored", "halved", "BGR"])
@pytest.mark.parametrize("style", get_args(Style))
def test_a_frame_that_is_a_view_is_drawn_like_a_copy(photograph_frame, make_explanation, view, style):
    rgb = photograph_frame.rgb[view].transpose(1, 0, 2)
    of_view, of_copy = [
        overlay(frame, make_explanation(), OverlayStyle(style))
        for frame in (Frame(rgb, 0, 0, "a view"), Frame(rgb.copy(order="C"), 0, 0, "a copy"))
    ]
    assert np.array_equal(of_view, of_copy)


def test_a_map_far_below_vmax_is_drawn_faintly(photograph_frame, make_explanation):
    weak, full = (
        _change(
            overlay(photograph_frame, _with_map(make_explanation(), _peak_at(3, 3), vmax), OverlayStyle(opacity=0.8)),
            photograph_frame,
        ).max()
        for vmax in (300.0, 3.0)
    )
    assert weak < full / 4


def test_a_map_above_vmax_is_drawn_as_at_vmax(photograph_frame, make_explanation):
    at_vmax, above = (
        overlay(photograph_frame, _with_map(make_explanation(), np.full((7, 7), peak), 2.0), OverlayStyle(opacity=0.7))
        for peak in (2.0, 2e30)
    )
    assert np.array_equal(at_vmax, above)


@pytest.mark.parametrize("magnitude", [1e-30, 1e-3, 1.0, 1e30])
@pytest.mark.parametrize("style", get_args(Style))
def test_the_overlay_does_not_depend_on_the_unit_of_the_map(photograph_frame, make_explanation, magnitude, style):
    expected = overlay(photograph_frame, _with_map(make_explanation(), _peak_at(2, 4)), OverlayStyle(style))
    scaled = _with_map(make_explanation(), _peak_at(2, 4) * np.float32(magnitude))
    drawn = overlay(photograph_frame, scaled, OverlayStyle(style))
    assert np.allclose(drawn, expected, atol=1)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 77), (151, 640), (250, 640)])
@pytest.mark.parametrize("map_size", [(1, 1), (7, 7), (14, 14), (56, 28)])
@pytest.mark.parametrize("style", get_args(Style))
def test_frames_and_maps_of_any_size_fit(make_frame, make_explanation, size, map_size, style):
    frame = make_frame(np.full((*size, 3), 90, np.uint8))
    before = frame.rgb.copy()
    saliency_map = np.random.default_rng(1).random(map_size)
    drawn = overlay(frame, _with_map(make_explanation(), saliency_map), OverlayStyle(style))
    assert drawn.dtype == np.uint8
    assert drawn.shape == (*size, 3)
    assert np.array_equal(frame.rgb, before)
    assert not frame.rgb.flags.writeable


def test_the_explanation_is_not_modified(photograph_frame, make_explanation):
    explanation = make_explanation()
    before = explanation.smoothed_map.copy()
    overlay(photograph_frame, explanation, OverlayStyle(opacity=0.7))
    assert np.array_equal(explanation.smoothed_map, before)


@pytest.mark.parametrize("style", get_args(Style))
def test_drawing_is_deterministic(photograph_frame, make_explanation, style):
    first, second = (overlay(photograph_frame, make_explanation(), OverlayStyle(style)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("style", get_args(Style))
def test_more_evidence_and_more_opacity_change_the_frame_more(photograph_frame, make_explanation, style):
    for changes in (
        [(make_explanation(evidence=evidence), OverlayStyle(style)) for evidence in (0.25, 0.5, 1.0)],
        [(make_explanation(), OverlayStyle(style, opacity)) for opacity in (0.25, 0.5, 1.0)],
    ):
        low, medium, high = (_change(overlay(photograph_frame, *change), photograph_frame).mean() for change in changes)
        assert 0 < 1.2 * low < medium < high / 1.05
