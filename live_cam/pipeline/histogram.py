"""Counts of values by size."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import inf


class Histogram:
    """Counts the values up to each of some bounds; one thread adds, any thread reads.

    Args:
        bounds: The bounds, ascending.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Counts a value."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def read(self) -> tuple[list[tuple[float, int]], float]:
        """Returns each bound with how many values are at most that, the last infinite, and the sum of all values."""
        with self._lock:
            counts, total = tuple(self._counts), self._sum
        return list(zip((*self._bounds, inf), accumulate(counts), strict=True)), total
