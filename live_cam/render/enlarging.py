"""Saliency maps, which are small, at the size of the picture they cover."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Enlarged at a time: few enough for the processor's cache, and for memory that need not be asked of the system anew.
_BAND_PX = 1 << 16

# Curves look round with a point as often as that, and in a big picture, which is seen from further off, with at most so
# many a side.
_CURVE_PX = 16
_FEWEST_CELLS, _MOST_CELLS = 20, 80


def enlarged(saliency_map: NDArray[np.float32], height: int, width: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Gives the map enlarged to the picture's size, as `cv2.resize` would, in bands: the rows, float32 (rows, W)."""
    map_height = len(saliency_map)
    wide = cv2.resize(saliency_map, (width, map_height), interpolation=cv2.INTER_LINEAR)
    rises = np.diff(wide, axis=0, append=wide[-1:])
    position = np.clip((np.arange(height) + 0.5) * (map_height / height) - 0.5, 0.0, map_height - 1.0)
    above = position.astype(np.intp)
    part = (position - above).astype(np.float32)[:, np.newaxis]
    rows_n = max(1, _BAND_PX // width)
    for top in range(0, height, rows_n):
        rows = slice(top, top + rows_n)
        values = rises[above[rows]]
        values *= part[rows]
        values += wide[above[rows]]
        yield rows, values


def smoothed(relative: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Gives a map with more cells, through whose values it runs in smooth curves and not from corner to corner.

    Interpolates by cubic splines (Unser, "Splines: a perfect fit for signal and image processing", 1999, section 2).
    The cubic curves of `cv2.resize` bend so abruptly that lines of equal value show it; a blur would lower the peaks.

    Args:
        relative: float32 (h, w), 0..1.
        height: Of the picture, which the number of cells goes by.
        width: Of the picture.

    Returns:
        float32 (k h, k w), 0..1, for a whole k.
    """
    cells = min(max(max(height, width) / _CURVE_PX, _FEWEST_CELLS), _MOST_CELLS)
    factor = max(2, round(cells / max(relative.shape)))
    down, across = (_spline(cells_n, factor) for cells_n in relative.shape)
    return np.asarray(np.clip(down @ relative @ across.T, 0.0, 1.0), np.float32)


@cache
def _spline(cells: int, factor: int) -> NDArray[np.float32]:
    """Gives the matrix float32 (cells * factor, cells) from values to those of the spline through them."""
    fine = (np.arange(cells * factor) + 0.5) / factor - 0.5
    matrix = _basis(fine, cells) @ np.linalg.inv(_basis(np.arange(cells), cells))
    return np.asarray(matrix, np.float32)


def _basis(places: NDArray[np.floating[Any] | np.integer[Any]], cells: int) -> NDArray[np.float64]:
    """Gives the weights of the cells' B-splines at some places, float64 (places, cells); the outmost go on outwards."""
    knots = np.arange(-2, cells + 2)
    distance = np.abs(places[:, np.newaxis] - knots)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2.0 - distance, 0.0) ** 3 / 6
    weights = np.where(distance < 1.0, near, far) @ np.eye(cells)[np.clip(knots, 0, cells - 1)]
    return np.asarray(weights, np.float64)
