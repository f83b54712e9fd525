"""Measures the speed of this project on this machine: its step, a forward pass alone, other libraries, and end to end.

    python -m scripts.benchmarks.main --json results.json

Every contestant is a process of its own with the same frame and the same weights; they take turns, and each is
compared with the default within each turn. Libraries that are not installed are skipped with the reason; the extra
`bench` installs them: `pip install -e '.[bench]'`. A machine with an NVIDIA GPU gets GPU rows as well.

On a busy machine, times mean little; ratios mean more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from live_cam.errors import LiveCamError, UsageError
from live_cam.files import new_file, require_new
from live_cam.models.weights.find import find_weights
from scripts.benchmarks import end_to_end, rounds, tables
from scripts.benchmarks.child import SkippedError
from scripts.benchmarks.frames import PHOTOGRAPH, Size, format_size, parse_size
from scripts.benchmarks.machine import describe_machine


@dataclass(frozen=True)
class Plan:
    """What is measured: rounds and length of a turn; sizes, viewer counts and length end to end."""

    rounds: int
    turn_s: float
    end_to_end_s: float
    sizes: Sequence[Size]
    viewers: Sequence[int]


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write the results to a new file")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these rows, and the default for comparison")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and exit")
    parser.add_argument("--no-end-to-end", action="store_true", help="skip stages and end to end")
    parser.add_argument("--size", type=parse_size, default=(640, 480), metavar="WxH", help="the contestants' frame")
    parser.add_argument(
        "--viewers", type=int, nargs="+", default=end_to_end.VIEWERS, metavar="N", help="numbers of viewers end to end"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row of each table (default: 5)")
    parser.add_argument("--quick", action="store_true", help="two short rounds, one size, one viewer: does it work?")
    return parser.parse_args(arguments)


def make_plan(options: argparse.Namespace) -> Plan:
    if options.seconds <= 0:
        raise UsageError("--seconds must be greater than 0")
    if options.quick:
        return Plan(2, 0.2, 2.0, end_to_end.SIZES[:1], end_to_end.VIEWERS[:1])
    turns = 8
    return Plan(turns, options.seconds / turns, options.seconds, end_to_end.SIZES, options.viewers)


def select(
    contestants: Sequence[rounds.Contestant], reference: str, only: Sequence[str] | None
) -> list[rounds.Contestant]:
    """Returns the contestants named in `only`, and the reference."""
    if only is None:
        return list(contestants)
    names = {contestant.name for contestant in contestants}
    for name in only:
        if name not in names:
            raise UsageError(f"there is no row {name!r}; --list prints all names")
    return [contestant for contestant in contestants if contestant.name in {reference, *only}]


def run(options: argparse.Namespace, console: Console) -> None:
    plan = make_plan(options)
    if options.json is not None:
        require_new(options.json, ".json")
    contestants, reference = rounds.list_contestants()
    if options.list:
        print("\n".join(contestant.name for contestant in contestants))
        return
    contestants = select(contestants, reference, options.only)
    size = format_size(options.size)
    results: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "frame": {"photograph": PHOTOGRAPH, "size": size},
        "reference": reference,
    }
    tables.print_machine(console, results["machine"])
    with _progress(console) as progress:
        progress("the weights, which the first start downloads")
        find_weights()  # here, so that no child's start includes the download
        rounds.measure(contestants, options.size, plan.rounds, plan.turn_s, progress)
    results["contestants"] = rounds.summary(contestants, reference)
    tables.print_contestants(console, results["contestants"], reference, size)
    if not options.no_end_to_end:
        with _progress(console) as progress:
            progress("stages")
            results["stages"] = end_to_end.measure_stages(plan.sizes, plan.end_to_end_s)
            results["end_to_end"] = end_to_end.measure_end_to_end(plan.sizes, plan.viewers, plan.end_to_end_s, progress)
        tables.print_stages(console, results["stages"])
        tables.print_end_to_end(console, results["end_to_end"])
    if options.json is not None:
        with new_file(options.json) as file:
            file.write((json.dumps(results, indent=2, allow_nan=False) + "\n").encode())
        console.print(f"written: {options.json}", markup=False)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Yields a function that shows the current state, in a line that disappears at the end."""
    with console.status("") as status:
        yield lambda text: status.update(text)


def main(arguments: Sequence[str] | None = None) -> None:
    # Wide enough for the tables if the output goes to a file.
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)
    try:
        run(parse_arguments(arguments), console)
    except (LiveCamError, SkippedError) as error:
        print(f"benchmarks: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_status if isinstance(error, LiveCamError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
