"""Contestants take turns at the same frame, and their times become medians and ratios.

On a machine that others use too, times drift by minutes. So each round has everybody explain for a moment, and a ratio
compares two contestants within a round, never across rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bench_child import Child, SkippedError
from bench_pictures import Size

_ROSTER_LIMIT_S = 120.0
_PREPARE_LIMIT_S = 300.0
_TURN_LIMIT_S = 120.0
# Thread pools spin for up to 0.2 s after their work, and would slow whoever comes next.
_SETTLE_S = 0.25


@dataclass
class Contestant:
    """One row of the table.

    Attributes:
        name: What it is called.
        floor: The row that is its forward pass alone, or None.
        environment: What its process finds in the environment beside the usual.
        skipped: Why there are no times; empty while there may be.
        runs_in: Runtime, precision and device, as far as known.
        class_index: The class it explained.
        map: Its map at 7x7, row by row; None from a forward pass alone.
        rounds_ms: The times of its calls, round by round.
    """

    name: str
    floor: str | None
    environment: dict[str, str]
    skipped: str = ""
    runs_in: str = ""
    class_index: int | None = None
    map: list[float] | None = None
    rounds_ms: list[list[float]] = field(default_factory=list)


def roster() -> tuple[list[Contestant], str]:
    """Asks who there is on this machine; gives them, and the name of the one that the others are compared with."""
    with Child("bench_contestants.py") as child:
        answer = child.hear(_ROSTER_LIMIT_S)
    return [Contestant(**entry) for entry in answer["entries"]], answer["reference"]


def measure(
    contestants: Sequence[Contestant], size: Size, rounds: int, turn_s: float, progress: Callable[[str], None]
) -> None:
    """Measures all who can be, in turns; each keeps its times, or the reason why it has none.

    Args:
        contestants: Who takes part.
        size: Width and height of the frame, in pixels.
        rounds: How many turns each has.
        turn_s: How long a turn is; slow ones have at least three calls.
        progress: Told what is going on.
    """
    with ExitStack() as stack:
        children: dict[str, Child] = {}
        for contestant in contestants:
            progress(f"getting ready: {contestant.name}")
            arguments = (contestant.name, f"{size[0]}x{size[1]}")
            child = stack.enter_context(Child("bench_contestants.py", arguments, contestant.environment))
            if (answer := _answer(contestant, child.hear, _PREPARE_LIMIT_S)) is not None:
                children[contestant.name] = child
                contestant.runs_in, contestant.class_index = answer["runs_in"], answer["class_index"]
                contestant.map = answer["map"]
        for number, order in enumerate(_orders(contestants, rounds)):
            for contestant in order:
                if contestant.skipped:
                    continue
                progress(f"round {number + 1} of {rounds}: {contestant.name}")
                time.sleep(_SETTLE_S)
                ask = children[contestant.name].ask
                if (answer := _answer(contestant, ask, str(turn_s), _TURN_LIMIT_S + turn_s)) is not None:
                    contestant.rounds_ms.append(answer["times_ms"])


def summary(contestants: Sequence[Contestant], reference: str) -> list[dict[str, Any]]:
    """Gives one row of plain values for each contestant: its times, how they compare, and whether the answers agree."""
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
        "ratio_to_forward": _ratio(contestant, by_name.get(contestant.floor or "")),
        "class_index": contestant.class_index,
        "map_correlation": _correlation(contestant, by_name.get(reference)),
    }


def _ratio(contestant: Contestant, other: Contestant | None) -> float | None:
    """Gives how many times as long as the other's its calls take, in the median over the rounds."""
    if other is None or other.skipped:
        return None
    pairs = zip(contestant.rounds_ms, other.rounds_ms, strict=True)
    return round(float(np.median([np.median(mine) / np.median(theirs) for mine, theirs in pairs])), 3)


def _correlation(contestant: Contestant, other: Contestant | None) -> float | None:
    if contestant.map is None or other is None or other.map is None:
        return None
    with np.errstate(invalid="ignore"):  # a map without any contrast correlates with nothing
        correlation = float(np.corrcoef(contestant.map, other.map)[0, 1])
    return round(correlation, 4) if np.isfinite(correlation) else None


def _answer(contestant: Contestant, wait: Callable[..., dict[str, Any]], *words: object) -> dict[str, Any] | None:
    """Gives the answer of `wait(...)`, or notes why there will be none."""
    try:
        return wait(*words)
    except SkippedError as error:
        contestant.skipped = str(error)
        return None


def _orders(contestants: Sequence[Contestant], rounds: int) -> Iterator[Sequence[Contestant]]:
    """Gives each round's order: there and back, so that a machine that slows down slows everybody alike."""
    for number in range(rounds):
        yield contestants if number % 2 == 0 else contestants[::-1]
