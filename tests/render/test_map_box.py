"""Maps that cover a part of the frame, or more than it."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from live_cam.models.preprocess import map_box
from live_cam.render.layout import thumbnails
from live_cam.render.overlay import overlay
from live_cam.render.summary import draw_summary
from live_cam.types import Frame, OverlayStyle, Style

GREY = (128, 128, 128)
SIZES = [(360, 640), (640, 360), (333, 501), (171, 97), (1080, 1920)]
INPUT_PX = (64, 64)
CELLS = 8
by_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
by_style = pytest.mark.parametrize("style", get_args(Style))
# The thickness of contours is relative to the height of the frame, so that only frames of the same can be compared.
LANDSCAPE = [(style, size) for style in get_args(Style) for size in SIZES if style != "contours" or size[0] < size[1]]
PORTRAIT = [(style, size) for style in get_args(Style) for size in SIZES if style != "contours" or size[0] > size[1]]


def grey_frame(size):
    return Frame(np.full((*size, 3), GREY, np.uint8), 0)


def opacity_of(size, explanation):
    """Returns how opaque the heat map is at each pixel, whatever its colours."""
    over = [
        overlay(Frame(np.full((*size, 3), level, np.uint8), 0), explanation, OverlayStyle(opacity=1.0))
        for level in (0, 255)
    ]
    return 1.0 - (over[1].astype(float) - over[0]).mean(axis=2) / 255.0


def with_map(explanation, saliency_map, box):
    return replace(explanation, smoothed_map=np.asarray(saliency_map, np.float32), vmax=1.0, map_box=box)


def centre_of_cell(row, column, size, box):
    left, top, right, bottom = box
    height, width = size
    x, y = left + (right - left) * (column + 0.5) / CELLS, top + (bottom - top) * (row + 0.5) / CELLS
    return x * width - 0.5, y * height - 0.5


@by_size
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("row", "column"), [(3, 3), (4, 4), (3, 4)])
def test_the_heat_is_where_the_input_had_the_cell(make_explanation, size, resize, row, column):
    box = map_box(size, INPUT_PX, resize)
    saliency_map = np.zeros((CELLS, CELLS))
    saliency_map[row, column] = 1.0
    opacity = opacity_of(size, with_map(make_explanation(), saliency_map, box))
    rows, columns = np.nonzero(opacity > 0.97 * opacity.max())
    x, y = centre_of_cell(row, column, size, box)
    assert columns.mean() == pytest.approx(x, abs=1.0)
    assert rows.mean() == pytest.approx(y, abs=1.0)


@by_size
@by_style
def test_beside_a_crop_nothing_is_explained(make_explanation, size, style):
    height, width = size
    box = map_box(size, INPUT_PX, "crop")
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, (width, height) * 2, strict=True))
    saliency_map = np.tile(np.linspace(0.3, 1.0, CELLS), (CELLS, 1))
    explanation = with_map(make_explanation(), saliency_map, box)
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    drawn = overlay(Frame(rgb.copy(), 0), explanation, OverlayStyle(style, 1.0))
    is_outside = np.ones(size, bool)
    is_outside[top:bottom, left:right] = False
    assert is_outside.any()
    if style == "spotlight":
        assert drawn[is_outside].max() <= 26
        assert np.ptp(drawn[is_outside], axis=1).max() == 0
    else:
        assert np.array_equal(drawn[is_outside], rgb[is_outside])
        assert not np.array_equal(drawn, rgb)


@pytest.mark.parametrize(("style", "size"), LANDSCAPE)
def test_a_crop_is_drawn_as_it_would_be_alone(make_explanation, size, style):
    height, width = size
    box = map_box(size, INPUT_PX, "crop")
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, (width, height) * 2, strict=True))
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    saliency_map = np.random.default_rng(1).random((CELLS, CELLS))
    drawn = overlay(Frame(rgb.copy(), 0), with_map(make_explanation(), saliency_map, box), OverlayStyle(style))
    alone = Frame(rgb[top:bottom, left:right].copy(), 0)
    expected = overlay(alone, with_map(make_explanation(), saliency_map, (0.0, 0.0, 1.0, 1.0)), OverlayStyle(style))
    assert np.array_equal(drawn[top:bottom, left:right], expected)


@pytest.mark.parametrize(("style", "size"), PORTRAIT)
def test_of_a_map_over_padding_the_part_over_the_frame_is_drawn(make_explanation, size, style):
    """The overlay is the middle of that of the padded frame, but where OpenCV cuts off lines at the border."""
    height, width = size
    box = map_box(size, INPUT_PX, "pad")
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, (width, height) * 2, strict=True))
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    saliency_map = np.random.default_rng(1).random((CELLS, CELLS))
    drawn = overlay(Frame(rgb.copy(), 0), with_map(make_explanation(), saliency_map, box), OverlayStyle(style))
    padded = Frame(np.pad(rgb, ((-top, bottom - height), (-left, right - width), (0, 0))), 0)
    whole = overlay(padded, with_map(make_explanation(), saliency_map, (0.0, 0.0, 1.0, 1.0)), OverlayStyle(style))
    expected = whole[-top : height - top, -left : width - left]
    inner = slice(3, -3), slice(3, -3)
    np.testing.assert_allclose(drawn[inner].astype(int), expected[inner].astype(int), atol=2.0)


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_small_copies_have_the_heat_in_the_same_place(make_explanation, resize):
    size = (720, 1280)
    saliency_map = np.zeros((CELLS, CELLS))
    saliency_map[3, 5] = 1.0
    box = map_box(size, INPUT_PX, resize)
    explanation = with_map(make_explanation(), saliency_map, box)
    x, y = centre_of_cell(3, 5, size, box)
    for small, scale in (
        (thumbnails(grey_frame(size), [explanation], OverlayStyle()), 6.0),
        (draw_summary(grey_frame(size), explanation, OverlayStyle())[:360], 2.0),
    ):
        change = np.abs(small.astype(int) - GREY).sum(axis=2)
        rows, columns = np.nonzero(change > 0.9 * change.max())
        assert (columns.mean(), rows.mean()) == pytest.approx((x / scale, y / scale), abs=2.0)


@by_style
@pytest.mark.parametrize("resize", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 40000), (40000, 2)])
def test_frames_of_extreme_sizes_are_drawn(make_explanation, size, resize, style):
    explanation = with_map(make_explanation(), np.ones((CELLS, CELLS)), map_box(size, INPUT_PX, resize))
    assert overlay(grey_frame(size), explanation, OverlayStyle(style)).shape == (*size, 3)
    assert draw_summary(grey_frame(size), explanation, OverlayStyle(style)).size
    assert thumbnails(grey_frame(size), [explanation], OverlayStyle(style)).size
