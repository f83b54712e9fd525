"""Contestants take turns with the same frame; their times become medians and ratios.

On a shared machine, times drift over minutes. So in each round every contestant explains for a moment, and a ratio
compares two contestants within a round, never across rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from scripts.benchmarks.child import Child, SkippedError
from scripts.benchmarks.frames import Size, format_size

_MODULE = "scripts.benchmarks.contestants"
_LIST_LIMIT_S = 120.0
_PREPARE_LIMIT_S = 300.0
_TURN_LIMIT_S = 120.0
# Thread pools spin for up to 0.2 s after their work, which would slow down the next contestant.
_SETTLE_S = 0.25


@dataclass
class Contestant:
    """One row of the table.

    Attributes:
        name: Its name.
        forward: The row that is its forward pass alone, or None.
        environment: Variables added to its process's environment.
        skipped: Why there are no times; empty while there may be.
        runs_in: Runtime, precision and device, as far as known.
        class_index: The class it explained.
        map: Its map at 7x7, row by row; None from a forward pass alone.
        rounds_ms: The times of its calls, round by round.
    """

    name: str
    forward: str | None
    environment: dict[str, str]
    skipped: str = ""
    runs_in: str = ""
    class_index: int | None = None
    map: list[float] | None = None
    rounds_ms: list[list[float]] = field(default_factory=list)


def list_contestants() -> tuple[list[Contestant], str]:
    """Returns the contestants for this machine, and the name of the one that the others are compared with."""
    with Child("-m", _MODULE) as child:
        response = child.receive(_LIST_LIMIT_S)
    return [Contestant(**entry) for entry in response["entries"]], response["reference"]


def measure(
    contestants: Sequence[Contestant], size: Size, rounds: int, turn_s: float, progress: Callable[[str], None]
) -> None:
    """Measures contestants in turns; each keeps its times, or the reason why it has none.

    Args:
        contestants: What to measure.
        size: Width and height of the frame, in pixels.
        rounds: Number of turns of each.
        turn_s: Length of a turn; slow contestants have at least three calls in it.
        progress: Called with a line about the current state.
    """
    with ExitStack() as stack:
        children: dict[str, Child] = {}
        for contestant in contestants:
            progress(f"preparing {contestant.name}")
            child = stack.enter_context(
                Child("-m", _MODULE, contestant.name, format_size(size), environment=contestant.environment)
            )
            response = _response(contestant, partial(child.receive, _PREPARE_LIMIT_S))
            if response is not None:
                children[contestant.name] = child
                contestant.runs_in, contestant.class_index = response["runs_in"], response["class_index"]
                contestant.map = response["map"]
        for number, order in enumerate(_orders(contestants, rounds)):
            for contestant in order:
                if contestant.skipped:
                    continue
                progress(f"round {number + 1} of {rounds}: {contestant.name}")
                time.sleep(_SETTLE_S)
                child = children[contestant.name]
                response = _response(contestant, partial(child.request, str(turn_s), _TURN_LIMIT_S + turn_s))
                if response is not None:
                    contestant.rounds_ms.append(response["times_ms"])


def summary(contestants: Sequence[Contestant], reference: str) -> list[dict[str, Any]]:
    """Returns one row of plain values for each contestant: its times, its ratios, and the agreement of its results."""
    by_name = {contestant.name: contestant for contestant in contestants}
    return [_row(contestant, by_name, reference) for contestant in contestants]


def _row(contestant: Contestant, by_name: dict[str, Contestant], reference: str) -> dict[str, Any]:
    if contestant.skipped:
        return {"name": contestant.name, "skipped": contestant.skipped}
    times_ms = np.concatenate(contestant.rounds_ms)
    return {
        "name": contestant.name,
        "skipped": None,
        "runs_in": contestant.runs_in,
        "calls": len(times_ms),
        "median_ms": round(float(np.median(times_ms)), 3),
        "p95_ms": round(float(np.percentile(times_ms, 95)), 3),
        "ratio_to_reference": _ratio(contestant, by_name.get(reference)),
        "ratio_to_forward": _ratio(contestant, by_name.get(contestant.forward or "")),
        "class_index": contestant.class_index,
        "map_correlation": _correlation(contestant, by_name.get(reference)),
    }


def _ratio(contestant: Contestant, other: Contestant | None) -> float | None:
    """Returns how many times as long as the other's its calls take: the median over the rounds."""
    if other is None or other.skipped:
        return None
    pairs = zip(contestant.rounds_ms, other.rounds_ms, strict=True)
    return round(float(np.median([np.median(mine) / np.median(theirs) for mine, theirs in pairs])), 3)


def _correlation(contestant: Contestant, other: Contestant | None) -> float | None:
    if contestant.map is None or other is None or other.map is None:
        return None
    with np.errstate(invalid="ignore"):  # the correlation with a constant map is undefined
        correlation = float(np.corrcoef(contestant.map, other.map)[0, 1])
    return round(correlation, 4) if np.isfinite(correlation) else None


def _response(contestant: Contestant, wait: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the response of `wait`, or marks the contestant as skipped and returns None."""
    try:
        return wait()
    except SkippedError as error:
        contestant.skipped = str(error)
        return None


def _orders(contestants: Sequence[Contestant], rounds: int) -> Iterator[Sequence[Contestant]]:
    """Yields each round's order: forth and back, so that a machine that slows down slows all alike."""
    for number in range(rounds):
        yield contestants if number % 2 == 0 else contestants[::-1]
