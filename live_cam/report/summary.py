"""How often the model is right, what it confuses, and where it is least sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from live_cam.explain.metrics.accuracy import Accuracy
from live_cam.report.results import Row

SURE: Final = 0.9
"""A mistake with a higher probability is a sure one."""


def accuracy(rows: Sequence[Row]) -> Accuracy | None:
    """Returns the accuracy; None if no true class is known."""
    known = [row for row in rows if row.true_class is not None]
    if not known:
        return None
    return Accuracy.of(sum(not row.is_mistake for row in known), len(known))


def confusion(rows: Sequence[Row]) -> Counter[tuple[int, int]]:
    """Returns how many pictures there are of each true and each predicted class."""
    return Counter((row.true_class, row.top[0].index) for row in rows if row.true_class is not None)


def worst_pairs(counts: Counter[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Returns true class, predicted class and number of the mistakes, most frequent first."""
    pairs = [(true, predicted, n) for (true, predicted), n in counts.items() if true != predicted]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def mistakes(rows: Sequence[Row]) -> list[Row]:
    """Returns the mistakes, surest first."""
    return sorted((row for row in rows if row.is_mistake), key=lambda row: (-row.top[0].probability, row.name))


def most_uncertain(rows: Sequence[Row]) -> list[Row]:
    """Returns the pictures, smallest margin between the first two classes first; then by highest entropy."""
    return sorted(rows, key=lambda row: (row.margin, -(row.entropy_bits or 0.0), row.name))
