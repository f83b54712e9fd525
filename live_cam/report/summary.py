"""How often the model is right, what it confuses, and where it is least sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
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


def most_telling(wrong: Sequence[Row], pairs: Sequence[tuple[int, int, int]], number: int) -> list[Row]:
    """Returns some of the mistakes, surest first: half are the surest, half the surest of each of the worst pairs.

    Args:
        wrong: All of them, surest first.
        pairs: What `worst_pairs` returns.
        number: How many to return at most.
    """
    if len(wrong) <= number:
        return list(wrong)
    chosen = {row.name for row in wrong[: number // 2]}
    of_pairs: dict[tuple[int | None, int], list[Row]] = {(true, predicted): [] for true, predicted, _ in pairs}
    for row in wrong:
        of_pairs[row.true_class, row.top[0].index].append(row)
    # The surest of each pair, then the second of each.
    for row in chain.from_iterable(zip_longest(*of_pairs.values())):
        if len(chosen) == number:
            break
        if row is not None:
            chosen.add(row.name)
    return [row for row in wrong if row.name in chosen]


def most_uncertain(rows: Sequence[Row]) -> list[Row]:
    """Returns the pictures, smallest margin between the first two classes first; then by highest entropy."""
    return sorted(rows, key=lambda row: (row.margin, -(row.entropy_bits or 0.0), row.name))
