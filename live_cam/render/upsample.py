"""Saliency maps at the size of their frame."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PixelBox = tuple[int, int, int, int]
"""Left, top, right and bottom of what a map covers, in pixels of the frame, which it may exceed."""

# Pixels per band: few enough for the processor's cache and for memory that is not requested from the system anew.
_BAND_PX = 1 << 16

# Curves look smooth with a sample every so many pixels; large frames are viewed from further away and need at most so
# many samples a side.
_CELL_PX = 16
_MIN_CELLS, _MAX_CELLS = 20, 80


def resize(
    saliency_map: NDArray[np.float32], height: int, width: int, box: PixelBox
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yields the map at the frame's size, interpolated like `cv2.resize`, in bands: the rows, float32 (rows, W).

    It is 0 where the map covers nothing.
    """
    left, top, right, bottom = box
    map_height = len(saliency_map)
    covering = cv2.resize(saliency_map, (right - left, map_height), interpolation=cv2.INTER_LINEAR)
    wide = np.zeros((map_height, width), np.float32)
    wide[:, max(0, left) : right] = covering[:, max(0, -left) : width - left]
    rises = np.diff(wide, axis=0, append=wide[-1:])
    y = np.arange(height)
    position = np.clip((y + 0.5 - top) * (map_height / (bottom - top)) - 0.5, 0.0, map_height - 1.0)
    is_outside = (y < top) | (y >= bottom)
    above = position.astype(np.intp)
    fraction = (position - above).astype(np.float32)[:, np.newaxis]
    band_rows = max(1, _BAND_PX // width)
    for begin in range(0, height, band_rows):
        rows = slice(begin, begin + band_rows)
        values = rises[above[rows]]
        values *= fraction[rows]
        values += wide[above[rows]]
        values[is_outside[rows]] = 0.0
        yield rows, values


def spline_upsample(normalized: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Returns a map with more cells, which runs through the given values in smooth curves.

    Cubic spline interpolation (Unser, "Splines: a perfect fit for signal and image processing", 1999, section 2).
    The bends of `cv2.resize` with INTER_CUBIC are visible in contour lines; a blur would lower the peaks.

    Args:
        normalized: float32 (h, w), 0..1.
        height: Height in pixels of what the map covers, which determines the number of cells.
        width: Width of the same.

    Returns:
        float32 (k h, k w), 0..1, for an integer k.
    """
    cells = min(max(max(height, width) / _CELL_PX, _MIN_CELLS), _MAX_CELLS)
    factor = max(2, round(cells / max(normalized.shape)))
    rows, columns = (_spline_matrix(length, factor) for length in normalized.shape)
    return np.asarray(np.clip(rows @ normalized @ columns.T, 0.0, 1.0), np.float32)


@cache
def _spline_matrix(length: int, factor: int) -> NDArray[np.float32]:
    """Returns the matrix float32 (length * factor, length) from values to samples of the spline through them."""
    samples = (np.arange(length * factor) + 0.5) / factor - 0.5
    matrix = _basis(samples, length) @ np.linalg.inv(_basis(np.arange(length), length))
    return np.asarray(matrix, np.float32)


def _basis(positions: NDArray[np.floating[Any] | np.integer[Any]], length: int) -> NDArray[np.float64]:
    """Returns the B-splines' weights at some positions, float64 (positions, length); the outermost are repeated."""
    knots = np.arange(-2, length + 2)
    distance = np.abs(positions[:, np.newaxis] - knots)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2.0 - distance, 0.0) ** 3 / 6
    weights = np.where(distance < 1.0, near, far) @ np.eye(length)[np.clip(knots, 0, length - 1)]
    return np.asarray(weights, np.float64)
