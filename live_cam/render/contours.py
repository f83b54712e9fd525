"""Lines of equal value over the picture, which between them stays as it is."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.colormaps import color_table
from live_cam.render.enlarging import smoothed

LEVELS: Final = (0.25, 0.5, 0.75)
"""The values the lines run along, as parts of the map's scale."""

# Of the inmost line, as a part of the picture's height; the outer ones are thinner by their level.
_THICKEST = 1 / 75

# Of the dark edges on both sides of a line together, likewise.
_EDGES = 1 / 160
_EDGE_RGB = (12, 12, 16)

# `cv2.polylines` takes whole numbers; its lines are placed to a sixteenth of a pixel.
_SHIFT = 4

# Marching squares: the sides of a cell that a piece of line joins, by which corners are above the level (1 the first, 2
# the second, 4 the third) or, as it is the same line, below it. There are two pieces where opposite corners are above.
# Sides and corners go round: side 0 runs from corner 0 to corner 1.
_NONE = (-1, -1)
_JOINED: Final = np.array(
    [
        *((_NONE, _NONE), ((3, 0), _NONE), ((0, 1), _NONE), ((3, 1), _NONE)),
        *(((1, 2), _NONE), ((3, 0), (1, 2)), ((0, 2), _NONE), ((3, 2), _NONE)),
    ]
)
_CORNERS: Final = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


def draw_lines(
    rgb: NDArray[np.uint8], relative: NDArray[np.float32], weight: float, colormap: str
) -> NDArray[np.uint8]:
    """Draws a line along each of the levels.

    Args:
        rgb: uint8 (H, W, 3), the picture.
        relative: float32 (h, w), the map as parts of its scale, 0..1.
        weight: The opacity of the lines, 0..1.
        colormap: What gives the lines their colours.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    height, width = rgb.shape[:2]
    lines = _isolines(smoothed(relative, height, width), height, width)
    colors = level_colors(colormap)
    drawn = np.ascontiguousarray(rgb).copy()
    for extra_px in (max(1, round(height * _EDGES)), 0):
        for level, segments, color in zip(LEVELS, lines, colors, strict=True):
            thickness_px = max(1, round(height * _THICKEST * (level + 0.25))) + extra_px
            cv2.polylines(drawn, segments, False, _EDGE_RGB if extra_px else color, thickness_px, cv2.LINE_AA, _SHIFT)
    # What is thin has to be more opaque than what fills a place, to be seen as well.
    opacity = 1.0 - (1.0 - weight) ** 2
    return np.asarray(cv2.addWeighted(rgb, 1.0 - opacity, drawn, opacity, 0.0), np.uint8)


@cache
def level_colors(colormap: str) -> tuple[tuple[int, int, int], ...]:
    """Gives the lines' colours, RGB, outermost first.

    Each is that of the value where the next line or the maximum is: the levels' own colours would be too dark, in
    colour maps that begin with black, for lines on a dark picture.
    """
    table = color_table(colormap)[:, 0]
    red_green_blue = [table[round(255 * (level + 0.25))].tolist() for level in LEVELS]
    return tuple((red, green, blue) for red, green, blue in red_green_blue)


def _isolines(fine: NDArray[np.float32], height: int, width: int) -> list[list[NDArray[np.int32]]]:
    """Finds the pieces of the line along each level by marching squares (Lorensen and Cline 1987, in the plane).

    Returns:
        For each of `LEVELS` int32 (2, 2) each: from and to, x and y in sixteenths of a picture's pixel.
    """
    # One cell more all around, so that lines leave the picture and don't end short of its rim.
    values = np.pad(fine, 1, mode="edge")
    above = (values > np.reshape(LEVELS, (-1, 1, 1))).view(np.uint8)
    corners = above[:, :-1, :-1] + 2 * above[:, :-1, 1:] + 4 * above[:, 1:, 1:] + 8 * above[:, 1:, :-1]
    case = np.minimum(corners, 15 - corners)
    level, *cell = np.nonzero(case)
    places = _crossings(values, np.take(LEVELS, level), np.stack(cell, axis=1))
    # Grid points are the centres of the fine map's cells, the first of them the padding's.
    places = (places - 0.5) * (height / fine.shape[0], width / fine.shape[1]) - 0.5
    joined = _JOINED[case[case > 0]]
    cell_n, piece_n = np.nonzero(joined[..., 0] >= 0)
    pieces = places[cell_n[:, np.newaxis], joined[cell_n, piece_n]]
    pieces_px16 = np.rint(pieces[..., ::-1] * (1 << _SHIFT)).astype(np.int32)
    return [list(pieces_px16[level[cell_n] == number]) for number in range(len(LEVELS))]


def _crossings(
    values: NDArray[np.float32], levels: NDArray[np.float64], cells: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Finds where each cell's level lies on its four sides, or would lie: float64 (N, 4, 2), row and column."""
    begin = cells[:, np.newaxis] + _CORNERS
    end = np.roll(begin, -1, axis=1)
    at_begin = values[begin[..., 0], begin[..., 1]]
    rise = np.roll(at_begin, -1, axis=1) - at_begin
    part = np.divide(levels[:, np.newaxis] - at_begin, rise, out=np.zeros(rise.shape), where=rise != 0)
    return np.asarray(begin + part[..., np.newaxis] * (end - begin), np.float64)
