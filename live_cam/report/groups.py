"""Groups of mistakes whose evidence lies at similar places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.places import coarsen
from live_cam.report.results import Row

MIN_MISTAKES: Final = 3
"""The size of the smallest group."""

_MAX_MISTAKES: Final = 1000
"""Distances are computed between all pairs."""

_MAX_DISTANCE: Final = 0.4
_SIDE: Final = 8
_BLUR_CELLS: Final = 0.7


def group_mistakes(mistakes: Sequence[Row], maps: NDArray[np.float32]) -> list[list[Row]]:
    """Groups mistakes by the cosine distance of their maps, with average linkage.

    Args:
        mistakes: The mistakes; the first thousand are looked at.
        maps: float32 (lines, h, w).

    Returns:
        The groups of at least `MIN_MISTAKES`, largest first.
    """
    kept, features = [], []
    for row in mistakes[:_MAX_MISTAKES]:
        coarse = coarsen(maps[row.number])
        if coarse is not None:
            kept.append(row)
            features.append(_feature(coarse))
    if len(kept) < MIN_MISTAKES:
        return []
    from sklearn.cluster import AgglomerativeClustering  # takes a second, and most reports have no groups

    clustering = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=_MAX_DISTANCE
    )
    numbers = clustering.fit_predict(np.array(features))
    groups = defaultdict(list)
    for row, number in zip(kept, numbers.tolist(), strict=True):
        groups[number].append(row)
    large = [group for group in groups.values() if len(group) >= MIN_MISTAKES]
    return sorted(large, key=lambda group: (-len(group), group[0].name))


def _feature(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a map small and blurred, so that neighbouring cells are similar."""
    height, width = min(_SIDE, coarse.shape[0]), min(_SIDE, coarse.shape[1])
    small = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), _BLUR_CELLS).ravel(), np.float32)
