"""Contour lines of the map over the frame."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.colormaps import color_table
from live_cam.render.upsample import PixelBox, spline_upsample

LEVELS: Final = (0.25, 0.5, 0.75)
"""Values of the normalised map that the lines follow."""

# Thickness of the innermost line, relative to the frame's height; the outer ones are thinner by their level.
_MAX_THICKNESS = 1 / 75

# Thickness of the dark edges on both sides of a line together, likewise.
_EDGES = 1 / 160
_EDGE_RGB = (12, 12, 16)

# `cv2.polylines` takes integers: fixed-point coordinates with this many fractional bits.
_SHIFT = 4

# Marching squares: the sides of a cell that a segment joins, by which corners are above the level (1 the first, 2 the
# second, 4 the third) or, since the line is the same, below it. Two segments if opposite corners are above. Sides and
# corners are numbered around the cell: side 0 runs from corner 0 to corner 1.
_NONE = (-1, -1)
_SEGMENT_SIDES: Final = np.array(
    [
        *((_NONE, _NONE), ((3, 0), _NONE), ((0, 1), _NONE), ((3, 1), _NONE)),
        *(((1, 2), _NONE), ((3, 0), (1, 2)), ((0, 2), _NONE), ((3, 2), _NONE)),
    ]
)
_CORNERS: Final = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


def draw_contours(
    rgb: NDArray[np.uint8], normalized: NDArray[np.float32], opacity: float, colormap: str, box: PixelBox
) -> NDArray[np.uint8]:
    """Draws a line along each of the levels.

    Args:
        rgb: uint8 (H, W, 3), the frame.
        normalized: float32 (h, w), the map, 0..1.
        opacity: Opacity of the lines, 0..1.
        colormap: Name of the colour map.
        box: What the map covers.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    height = len(rgb)
    left, top, right, bottom = box
    lines = _isolines(spline_upsample(normalized, bottom - top, right - left), box)
    colors = level_colors(colormap)
    drawn = np.ascontiguousarray(rgb).copy()
    covered = drawn[max(0, top) : bottom, max(0, left) : right]
    for extra_px in (max(1, round(height * _EDGES)), 0):
        for level, segments, color in zip(LEVELS, lines, colors, strict=True):
            thickness_px = max(1, round(height * _MAX_THICKNESS * (level + 0.25))) + extra_px
            cv2.polylines(covered, segments, False, _EDGE_RGB if extra_px else color, thickness_px, cv2.LINE_AA, _SHIFT)
    # Thin lines have to be more opaque than areas to be as visible.
    opacity = 1.0 - (1.0 - opacity) ** 2
    return np.asarray(cv2.addWeighted(rgb, 1.0 - opacity, drawn, opacity, 0.0), np.uint8)


@cache
def level_colors(colormap: str) -> tuple[tuple[int, int, int], ...]:
    """Returns the lines' colours, RGB, outermost first.

    Each is that of the next level or, for the last, of the maximum: in colour maps that start with black, the levels'
    own colours would be too dark for lines on a dark frame.
    """
    table = color_table(colormap)[:, 0]
    colors = [table[round(255 * (level + 0.25))].tolist() for level in LEVELS]
    return tuple((red, green, blue) for red, green, blue in colors)


def _isolines(upsampled: NDArray[np.float32], box: PixelBox) -> list[list[NDArray[np.int32]]]:
    """Returns the segments of the line along each level by marching squares (Lorensen and Cline 1987, in the plane).

    Returns:
        For each of `LEVELS`, segments int32 (2, 2): start and end, x and y in sixteenths of a pixel, from
        the top left of what the map covers of the frame.
    """
    # One more cell all around, so that lines reach the border of what the map covers.
    values = np.pad(upsampled, 1, mode="edge")
    above = (values > np.reshape(LEVELS, (-1, 1, 1))).view(np.uint8)
    corners = above[:, :-1, :-1] + 2 * above[:, :-1, 1:] + 4 * above[:, 1:, 1:] + 8 * above[:, 1:, :-1]
    case = np.minimum(corners, 15 - corners)
    level, *cell = np.nonzero(case)
    crossings = _crossings(values, np.take(LEVELS, level), np.stack(cell, axis=1))
    # Grid points are the centres of the upsampled map's cells, of which the padding added one before the first.
    left, top, right, bottom = box
    px_per_cell = (bottom - top) / upsampled.shape[0], (right - left) / upsampled.shape[1]
    crossings = (crossings - 0.5) * px_per_cell - 0.5 + (min(0, top), min(0, left))
    sides = _SEGMENT_SIDES[case[case > 0]]
    cell_index, segment_index = np.nonzero(sides[..., 0] >= 0)
    segments = crossings[cell_index[:, np.newaxis], sides[cell_index, segment_index]]
    segments_px16 = np.rint(segments[..., ::-1] * (1 << _SHIFT)).astype(np.int32)
    return [list(segments_px16[level[cell_index] == number]) for number in range(len(LEVELS))]


def _crossings(
    values: NDArray[np.float32], levels: NDArray[np.float64], cells: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Returns where each cell's four sides, extended, cross its level: float64 (N, 4, 2), row and column."""
    start = cells[:, np.newaxis] + _CORNERS
    end = np.roll(start, -1, axis=1)
    start_value = values[start[..., 0], start[..., 1]]
    rise = np.roll(start_value, -1, axis=1) - start_value
    fraction = np.divide(levels[:, np.newaxis] - start_value, rise, out=np.zeros(rise.shape), where=rise != 0)
    return np.asarray(start + fraction[..., np.newaxis] * (end - start), np.float64)
