"""Classes whose evidence lies at one place in all pictures: they may rest on a mark, a caption or a border there.

Lapuschkin et al., "Unmasking Clever Hans predictors and assessing what machines really learn" (Nature Communications
2019), found a copyright line that stood for "horse" from the maps of many pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from live_cam.explain.saliency.places import Place, coarsen, grid_of, places, suspect_shares, usual_shares
from live_cam.report.results import Row

MIN_PICTURES: Final = 5
"""With fewer pictures of a class, or of others, nothing is said of it."""

_ALONE: Final = 0.5
"""What other classes are taken to show at any place where there are none to compare with."""

_OTHERS_QUANTILE: Final = 0.75
_FALSE_ALARMS: Final = 0.01
_VARIANCE_FLOOR: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvidence:
    """Where the evidence lies in the pictures that are called one class.

    Attributes:
        class_index: The class.
        pictures_n: How many pictures with evidence there are.
        mean_map: float32, in the grid, of sum 1: the mean of their maps, each of which counts the same.
        place: The place where most of it lies, compared with other classes.
        share: Which share lies there.
        others_share: Which share of the evidence lies there in other classes, three of four of which show no more;
            None if they have too few pictures.
        border_share, others_border_share: The same for the outermost cells.
        excess: By how much the share is certain to exceed what is usual there.
        is_suspected: Whether that is so much that the class may rest on what is there.
    """

    class_index: int
    pictures_n: int
    mean_map: NDArray[np.float32]
    place: Place
    share: float
    others_share: float | None
    border_share: float
    others_border_share: float | None
    excess: float
    is_suspected: bool


def class_evidence(rows: Sequence[Row], maps: NDArray[np.float32]) -> list[ClassEvidence]:
    """Finds where the evidence of each predicted class lies, the most suspected first.

    A class is suspected if its share at a place certainly exceeds what is usual there by three tenths of what it could.
    Usual is the most of what other classes show, an even spread, and an object in the middle. "Certainly" is a bound of
    Student's t for as many places and classes as are searched.

    Args:
        rows: The pictures.
        maps: float32 (lines, h, w); read one by one.

    Returns:
        The classes with at least `MIN_PICTURES` pictures with evidence; none for maps of a single cell.
    """
    shape = maps.shape[1:]
    if np.prod(grid_of(shape)) < 2:
        return []
    known = places(shape)
    masks = np.array([place.mask.ravel() for place in known], np.float32)
    gathered = _gather(rows, maps, masks)
    frequent = {index: sums for index, sums in gathered.items() if sums.n >= MIN_PICTURES}
    rest = [sums for sums in gathered.values() if sums.n < MIN_PICTURES]
    means: dict[int | None, NDArray[np.float64]] = {index: sums.shares / sums.n for index, sums in frequent.items()}
    if sum(sums.n for sums in rest) >= MIN_PICTURES:
        means[None] = np.sum([sums.shares for sums in rest], axis=0) / sum(sums.n for sums in rest)
    at_least = usual_shares(known)
    found = []
    for index, sums in frequent.items():
        compared = [mean for other, mean in means.items() if other != index]
        others = np.quantile(compared, _OTHERS_QUANTILE, axis=0, method="higher") if compared else None
        found.append(_judge(index, sums, others, at_least, known, len(frequent)))
    return sorted(found, key=lambda each: (not each.is_suspected, -each.excess, each.class_index))


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums over the pictures of a class: their number, maps, shares at each place, and squares of those."""

    n: int
    map: NDArray[np.float64]
    shares: NDArray[np.float64]
    squares: NDArray[np.float64]


def _gather(rows: Sequence[Row], maps: NDArray[np.float32], masks: NDArray[np.float32]) -> dict[int, _Sums]:
    gathered: dict[int, _Sums] = {}
    for row in rows:
        coarse = coarsen(maps[row.number])
        if coarse is None:
            continue
        sums = gathered.setdefault(
            row.top[0].index, _Sums(0, np.zeros(coarse.shape), np.zeros(len(masks)), np.zeros(len(masks)))
        )
        shares = masks @ coarse.ravel()
        sums.n += 1
        sums.map += coarse
        sums.shares += shares
        sums.squares += shares**2
    return gathered


def _judge(
    index: int,
    sums: _Sums,
    others: NDArray[np.float64] | None,
    at_least: NDArray[np.float64],
    known: Sequence[Place],
    classes_n: int,
) -> ClassEvidence:
    shares = sums.shares / sums.n
    usual = np.maximum(at_least, _ALONE if others is None else others)
    variance = np.maximum(sums.squares / sums.n - shares**2, 0.0) * sums.n / (sums.n - 1) + _VARIANCE_FLOOR
    # As many places and classes are searched as there are.
    quantile = float(t.ppf(1.0 - _FALSE_ALARMS / (len(known) * classes_n), sums.n - 1))
    certain = shares - quantile * np.sqrt(variance / sums.n)
    best = int(np.argmax(shares - usual))
    suspects = np.flatnonzero(certain > suspect_shares(usual))
    if suspects.size:
        best = int(suspects[np.argmax((certain - usual)[suspects])])
    return ClassEvidence(
        index,
        sums.n,
        np.asarray(sums.map / sums.n, np.float32),
        known[best],
        float(shares[best]),
        None if others is None else float(others[best]),
        float(shares[-1]),
        None if others is None else float(others[-1]),
        float((certain - usual)[best]),
        bool(suspects.size),
    )
