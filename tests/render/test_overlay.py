from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from live_cam.frame import Frame, Look, Style
from live_cam.render.colormaps import COLORMAPS, color_table
from live_cam.render.overlay import overlay

_CORNERS = {"top left": (1, 1), "top right": (1, 5), "bottom left": (5, 1), "bottom right": (5, 5)}


@pytest.fixture
def photograph_frame(make_frame):
    """A frame in which every value occurs."""
    return make_frame(np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8))


def _with_map(explanation, saliency_map, scale=None):
    saliency_map = np.asarray(saliency_map, np.float32)
    return replace(explanation, steady_map=saliency_map, scale=float(saliency_map.max()) if scale is None else scale)


def _peak_at(row, column):
    saliency_map = np.zeros((7, 7), np.float32)
    saliency_map[row, column] = 3.0
    return saliency_map


def _between(values, positions):
    """Gives the values between the rows of an array; beyond the first and the last stand these."""
    positions = np.clip(positions, 0, len(values) - 1)
    before = positions.astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    part = (positions - before).reshape(-1, *(1,) * (values.ndim - 1))
    return values[before] * (1 - part) + values[after] * part


def _painted_in_real_numbers(rgb, explanation, opacity, colormap):
    """Gives the overlay as it is defined, not rounded anywhere, float64 (H, W, 3)."""
    relative = np.clip(explanation.steady_map.astype(np.float64) / explanation.scale, 0, 1)
    for axis, length in enumerate(rgb.shape[:2]):
        centres = (np.arange(length) + 0.5) * relative.shape[axis] / length - 0.5
        relative = np.moveaxis(_between(np.moveaxis(relative, axis, 0), centres), 0, axis)
    colors = _between(color_table(colormap)[:, 0].astype(np.float64), relative.ravel() * 255).reshape(rgb.shape)
    weights = (np.sqrt(relative) * opacity * explanation.strength)[..., np.newaxis]
    return colors * weights + rgb * (1 - weights)


def _change(picture, frame):
    """Gives how much each pixel differs from the frame's."""
    return np.abs(picture.astype(np.int16) - frame.rgb).sum(axis=2)


@pytest.mark.parametrize(
    ("changes", "opacity"),
    [
        ({"strength": 0.0}, 1.0),
        ({"scale": 0.0}, 1.0),
        ({"scale": 0.0, "steady_map": np.zeros((7, 7), np.float32)}, 1.0),
        ({"steady_map": np.zeros((7, 7), np.float32)}, 1.0),
        ({"steady_map": np.full((7, 7), -5.0, np.float32)}, 1.0),
        ({}, 0.0),
    ],
    ids=["no strength", "no scale", "empty map, no scale", "empty map", "nothing but evidence against", "no opacity"],
)
@pytest.mark.parametrize("style", get_args(Style))
def test_a_picture_without_evidence_stays_as_it_is_to_the_bit(
    photograph_frame, make_explanation, changes, opacity, style
):
    picture = overlay(photograph_frame, replace(make_explanation(), **changes), Look(style, opacity))
    assert np.array_equal(picture, photograph_frame.rgb)


@pytest.mark.parametrize(("row", "column"), _CORNERS.values(), ids=_CORNERS)
def test_the_place_that_mattered_most_is_the_one_painted_most(make_frame, make_explanation, row, column):
    frame = make_frame(np.full((140, 280, 3), 128, np.uint8))
    picture = overlay(frame, _with_map(make_explanation(), _peak_at(row, column)), Look(opacity=0.7))
    change = _change(picture, frame)
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert (y // 20, x // 40) == (row, column)
    rows, columns = np.indices(change.shape) // np.reshape((20, 40), (2, 1, 1))
    elsewhere = (abs(rows - row) > 1) | (abs(columns - column) > 1)
    assert change[elsewhere].max() == 0


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_full_evidence_at_full_opacity_shows_the_strongest_colour_of_the_map(make_frame, make_explanation, colormap):
    frame = make_frame(np.full((60, 80, 3), 128, np.uint8))
    picture = overlay(frame, _with_map(make_explanation(), np.full((7, 7), 4.0)), Look(opacity=1.0, colormap=colormap))
    assert np.allclose(picture, color_table(colormap)[255, 0], atol=1)


def test_the_strongest_place_of_the_default_colours_is_yellow_and_not_cyan(make_frame, make_explanation):
    picture = overlay(make_frame(), _with_map(make_explanation(), np.ones((7, 7))), Look(opacity=1.0))
    red, green, blue = picture[24, 32].tolist()
    assert red > 200
    assert green > 200
    assert blue < 100


def test_twice_the_evidence_changes_the_picture_twice_as_much(photograph_frame, make_explanation):
    change = {
        strength: _change(
            overlay(photograph_frame, make_explanation(strength=strength), Look(opacity=0.8)), photograph_frame
        ).mean()
        for strength in (0.25, 0.5, 1.0)
    }
    assert change[0.5] == pytest.approx(2 * change[0.25], rel=0.1)
    assert change[1.0] == pytest.approx(2 * change[0.5], rel=0.1)


def test_twice_the_opacity_changes_the_picture_twice_as_much(photograph_frame, make_explanation):
    faint, plain = (
        _change(overlay(photograph_frame, make_explanation(), Look(opacity=opacity)), photograph_frame).mean()
        for opacity in (0.4, 0.8)
    )
    assert plain == pytest.approx(2 * faint, rel=0.1)


# 480x640 and 720x1281 are painted in several bands, the last of which is smaller.
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 77), (480, 640), (720, 1281)])
@pytest.mark.parametrize("map_size", [(1, 1), (7, 7), (14, 14), (56, 28)])
@pytest.mark.parametrize("colormap", COLORMAPS)
def test_the_picture_is_the_one_defined_but_for_rounding(make_frame, make_explanation, size, map_size, colormap):
    random = np.random.default_rng(3)
    frame = make_frame(random.integers(0, 256, (*size, 3), np.uint8))
    # A third is negative, and the strongest places are above the scale.
    explanation = _with_map(make_explanation(strength=0.9), random.uniform(-1, 2, map_size), scale=1.8)
    picture = overlay(frame, explanation, Look(opacity=0.7, colormap=colormap))
    error = np.abs(picture - _painted_in_real_numbers(frame.rgb, explanation, 0.7, colormap))
    assert error.max() < 4.5, "a colour looked up by a root of eight bits"
    assert error.mean() < 0.7


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2, ::2], np.s_[..., ::-1]], ids=["mirrored", "halved", "BGR"])
@pytest.mark.parametrize("style", get_args(Style))
def test_a_frame_that_is_a_view_of_another_picture_is_painted_like_a_copy_of_it(
    photograph_frame, make_explanation, view, style
):
    rgb = photograph_frame.rgb[view].transpose(1, 0, 2)
    pictures = [
        overlay(frame, make_explanation(), Look(style))
        for frame in (Frame(rgb, 0, 0, "a view"), Frame(rgb.copy(order="C"), 0, 0, "a copy"))
    ]
    assert np.array_equal(*pictures)


def test_a_map_that_is_weak_against_its_scale_is_painted_faintly(photograph_frame, make_explanation):
    weak, full = (
        _change(
            overlay(photograph_frame, _with_map(make_explanation(), _peak_at(3, 3), scale), Look(opacity=0.8)),
            photograph_frame,
        ).max()
        for scale in (300.0, 3.0)
    )
    assert weak < full / 4


def test_a_map_above_its_scale_is_painted_as_at_the_scale(photograph_frame, make_explanation):
    at_scale, above = (
        overlay(photograph_frame, _with_map(make_explanation(), np.full((7, 7), peak), 2.0), Look(opacity=0.7))
        for peak in (2.0, 2e30)
    )
    assert np.array_equal(at_scale, above)


@pytest.mark.parametrize("magnitude", [1e-30, 1e-3, 1.0, 1e30])
@pytest.mark.parametrize("style", get_args(Style))
def test_the_picture_does_not_depend_on_the_unit_of_the_map(photograph_frame, make_explanation, magnitude, style):
    expected = overlay(photograph_frame, _with_map(make_explanation(), _peak_at(2, 4)), Look(style))
    scaled = _with_map(make_explanation(), _peak_at(2, 4) * np.float32(magnitude))
    picture = overlay(photograph_frame, scaled, Look(style))
    assert np.allclose(picture, expected, atol=1)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 77), (480, 640), (720, 1280)])
@pytest.mark.parametrize("map_size", [(1, 1), (7, 7), (14, 14), (56, 28)])
@pytest.mark.parametrize("style", get_args(Style))
def test_a_picture_of_any_size_keeps_it_under_a_map_of_any_size(make_frame, make_explanation, size, map_size, style):
    frame = make_frame(np.full((*size, 3), 90, np.uint8))
    before = frame.rgb.copy()
    saliency_map = np.random.default_rng(1).random(map_size)
    picture = overlay(frame, _with_map(make_explanation(), saliency_map), Look(style))
    assert picture.dtype == np.uint8
    assert picture.shape == (*size, 3)
    assert np.array_equal(frame.rgb, before)
    assert not frame.rgb.flags.writeable


def test_the_explanation_stays_as_it_is(photograph_frame, make_explanation):
    explanation = make_explanation()
    before = explanation.steady_map.copy()
    overlay(photograph_frame, explanation, Look(opacity=0.7))
    assert np.array_equal(explanation.steady_map, before)


@pytest.mark.parametrize("style", get_args(Style))
def test_the_same_frame_painted_twice_is_the_same_picture(photograph_frame, make_explanation, style):
    first, second = (overlay(photograph_frame, make_explanation(), Look(style)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("style", get_args(Style))
def test_more_evidence_and_more_opacity_change_the_picture_more(photograph_frame, make_explanation, style):
    for changes in (
        [(make_explanation(strength=strength), Look(style)) for strength in (0.25, 0.5, 1.0)],
        [(make_explanation(), Look(style, opacity)) for opacity in (0.25, 0.5, 1.0)],
    ):
        little, middling, much = (
            _change(overlay(photograph_frame, *change), photograph_frame).mean() for change in changes
        )
        assert 0 < 1.2 * little < middling < much / 1.05
