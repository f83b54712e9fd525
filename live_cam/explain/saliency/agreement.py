"""How far two maps agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from live_cam.types import Box


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns the correlation of two maps; 1 for two that are flat, 0 if only one is."""
    flat = [float(np.ptp(each)) == 0.0 for each in (one, other)]
    if any(flat):
        return float(all(flat))
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def correlation_in_frame(
    one: NDArray[np.float32], one_covers: Box, other: NDArray[np.float32], other_covers: Box
) -> float:
    """Returns the correlation of two maps of one frame, whatever their sizes.

    Where both cover the frame, each is interpolated linearly at the cells of the finer one, as it is when drawn. It is
    0 if only one is empty, even if the other is flat.

    Args:
        one: float32 (h, w).
        one_covers: What of the frame it covers.
        other: float32 (h, w).
        other_covers: What of the frame that covers.
    """
    if one.any() != other.any():
        return 0.0
    boxes = np.array([(0.0, 0.0, 1.0, 1.0), one_covers, other_covers])
    common = *boxes[:, :2].max(axis=0), *boxes[:, 2:].min(axis=0)
    maps = (one, one_covers), (other, other_covers)
    grid = [
        max(
            round(each.shape[1 - axis] * (common[axis + 2] - common[axis]) / (box[axis + 2] - box[axis])) or 1
            for each, box in maps
        )
        for axis in (0, 1)
    ]
    x, y = (
        common[axis] + (common[axis + 2] - common[axis]) * (np.arange(cells) + 0.5) / cells
        for axis, cells in enumerate(grid)
    )
    return correlation(*(_sample(each, box, x, y) for each, box in maps))


def _sample(
    saliency_map: NDArray[np.float32], box: Box, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Returns a map at places of the frame, float32 (y, x); beyond the centres of its outer cells these go on."""
    left, top, right, bottom = box
    height, width = saliency_map.shape
    rows, columns = (y - top) / (bottom - top) * height - 0.5, (x - left) / (right - left) * width - 0.5
    at = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(map_coordinates(saliency_map, at, order=1, mode="nearest"), np.float32)
