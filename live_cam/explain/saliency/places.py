"""Places of a map where evidence may lie in all pictures: parts of a quarter at most, bands, and the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.types import Box

_MAX_SIDE: Final = 16
_QUARTER: Final = 4
_HALF: Final = 2
_OBJECT_SIDES: Final = 0.25
"""Standard deviation, as a fraction of both sides, of where an object in the middle of a picture lies."""
_EXCESS: Final = 0.3
"""Of what a share could exceed the usual one by, as in Cohen's kappa: a ratio would let no large place be suspected."""
_NAMES: Final = {
    (0, 0): "the upper left corner",
    (0, 1): "the upper edge",
    (0, 2): "the upper right corner",
    (1, 0): "the left edge",
    (1, 1): "the middle",
    (1, 2): "the right edge",
    (2, 0): "the lower left corner",
    (2, 1): "the lower edge",
    (2, 2): "the lower right corner",
}


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A part of the maps.

    Attributes:
        name: In words.
        box: Where it is in the map, 0..1; for the border its outline.
        mask: bool, in the grid of `coarsen`.
    """

    name: str
    box: Box
    mask: NDArray[np.bool_]

    @property
    def area(self) -> float:
        """Its share of the map, which is the share of evidence that is spread evenly."""
        return float(self.mask.mean())


def grid_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns the rows and columns of the grid in which maps (h, w) are compared."""
    return min(shape[0], _MAX_SIDE), min(shape[1], _MAX_SIDE)


def coarsen(saliency_map: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Returns the shares of the evidence of a map in the cells of the grid; None if it has no evidence."""
    rows, columns = grid_of(saliency_map.shape)
    coarse = cv2.resize(np.asarray(saliency_map, np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    total = float(coarse.sum())
    return np.asarray(coarse / total, np.float32) if total > 0.0 else None


def places(shape: tuple[int, ...]) -> list[Place]:
    """Returns the places of maps (h, w): parts of a quarter or half of both sides, bands of a quarter, the border."""
    rows, columns = grid_of(shape)
    found = [
        _place(shape, at_rows, at_columns, _NAMES[_third(rows, at_rows), _third(columns, at_columns)])
        for at_rows in _runs(rows, _QUARTER, _HALF)
        for at_columns in _runs(columns, _QUARTER, _HALF)
    ]
    for at_rows in _runs(rows, _QUARTER):
        where = ("at the top", "across the middle", "at the bottom")[_third(rows, at_rows)]
        name = f"a band {where} ({_range(rows, at_rows)} of the height)"
        found.append(_place(shape, at_rows, slice(0, columns), name))
    for at_columns in _runs(columns, _QUARTER):
        where = ("at the left", "down the middle", "at the right")[_third(columns, at_columns)]
        name = f"a band {where} ({_range(columns, at_columns)} of the width)"
        found.append(_place(shape, slice(0, rows), at_columns, name))
    return [*found, border(shape)]


def usual_shares(found: Sequence[Place]) -> NDArray[np.float64]:
    """Returns the shares that nobody wonders at: of evidence spread evenly, or on an object in the middle."""
    rows, columns = found[0].mask.shape
    along = [np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / _OBJECT_SIDES) ** 2) for n in (rows, columns)]
    middle = np.outer(*along) / np.outer(*along).sum()
    return np.array([max(place.area, float(middle[place.mask].sum())) for place in found])


def suspect_shares(usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the shares from which on a place is suspected, for those that are usual there."""
    return np.asarray(usual + _EXCESS * (1.0 - usual))


def border(shape: tuple[int, ...]) -> Place:
    """Returns the outermost cells, an eighth of the side on each but one cell at least."""
    rows, columns = grid_of(shape)
    mask = np.ones((rows, columns), bool)
    deep = max(1, rows // 8), max(1, columns // 8)
    mask[deep[0] : rows - deep[0], deep[1] : columns - deep[1]] = False
    return Place("the border", (0.0, 0.0, 1.0, 1.0), mask)


def _place(shape: tuple[int, ...], at_rows: slice, at_columns: slice, name: str) -> Place:
    rows, columns = grid_of(shape)
    mask = np.zeros((rows, columns), bool)
    mask[at_rows, at_columns] = True
    box = (at_columns.start / columns, at_rows.start / rows, at_columns.stop / columns, at_rows.stop / rows)
    return Place(name, box, mask)


def _runs(length: int, *parts: int) -> list[slice]:
    """Returns all runs of cells of a side that are one of these parts of it, such as a quarter, long."""
    sizes = sorted({max(1, round(length / part)) for part in parts})
    return [slice(start, start + size) for size in sizes for start in range(length - size + 1)]


def _third(length: int, run: slice) -> int:
    """Returns 0, 1 or 2 for a run at the start, in the middle or at the end of a side."""
    return min(2, int(1.5 * (run.start + run.stop) / length))


def _range(length: int, run: slice) -> str:
    return f"{100 * run.start / length:.0f} to {100 * run.stop / length:.0f} %"
