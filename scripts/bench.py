"""Checks the claims about speed on this machine: this project, its floor, its peers, and the whole road to viewers.

    python scripts/bench.py --json bench.json

Every contestant is a process of its own with the same frame and the same weights; they take turns, and each is
compared with the default within each turn. Peers that are not installed are skipped with the reason; the extra `bench`
brings them: `pip install -e '.[bench]'`. A machine with an NVIDIA GPU gets the GPU rows by itself.

Times on a machine that does other work are worth little, ratios more.
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

import bench_road
import bench_rounds
import bench_tables
from bench_child import SkippedError
from bench_machine import describe_machine
from bench_pictures import PHOTOGRAPH, Size, parse_size
from rich.console import Console

from live_cam.errors import LiveCamError, UsageError
from live_cam.explain.weights import find_weights
from live_cam.sinks.new_file import new_file, require_new


@dataclass(frozen=True)
class Plan:
    """How much is measured: turns of each contestant and their length; sizes, viewers and length of the road."""

    rounds: int
    turn_s: float
    road_s: float
    sizes: Sequence[Size]
    viewers: Sequence[int]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write the results there; never overwrites")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="just these rows, and the default's to compare with")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    parser.add_argument("--no-road", action="store_true", help="leave out stages and whole road")
    parser.add_argument("--size", type=parse_size, default=(640, 480), metavar="WxH", help="the contestants' frame")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row, of either sort (default: 5)")
    parser.add_argument("--quick", action="store_true", help="two short turns, one size, one viewer: does it work?")
    return parser.parse_args()


def make_plan(arguments: argparse.Namespace) -> Plan:
    if arguments.seconds <= 0:
        raise UsageError("--seconds is more than 0")
    if arguments.quick:
        return Plan(2, 0.2, 2.0, bench_road.SIZES[:1], bench_road.VIEWERS[:1])
    rounds = 8
    return Plan(rounds, arguments.seconds / rounds, arguments.seconds, bench_road.SIZES, bench_road.VIEWERS)


def choose(
    contestants: Sequence[bench_rounds.Contestant], reference: str, only: Sequence[str] | None
) -> list[bench_rounds.Contestant]:
    """Gives those asked for, and the one that they are compared with."""
    if only is None:
        return list(contestants)
    names = {contestant.name for contestant in contestants}
    for name in only:
        if name not in names:
            raise UsageError(f"there is no row {name!r}; --list tells all names")
    return [contestant for contestant in contestants if contestant.name in {reference, *only}]


def bench(arguments: argparse.Namespace, console: Console) -> None:
    plan = make_plan(arguments)
    if arguments.json is not None:
        require_new(arguments.json, ".json")
    everybody, reference = bench_rounds.roster()
    if arguments.list:
        print("\n".join(contestant.name for contestant in everybody))
        return
    contestants = choose(everybody, reference, arguments.only)
    size = f"{arguments.size[0]}x{arguments.size[1]}"
    results: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "frame": {"photograph": PHOTOGRAPH, "size": size},
        "reference": reference,
    }
    bench_tables.print_machine(console, results["machine"])
    with _progress(console) as progress:
        progress("the weights, which the first start fetches")
        find_weights()  # here, so that the children find them and nobody's start is slowed
        bench_rounds.measure(contestants, arguments.size, plan.rounds, plan.turn_s, progress)
    results["contestants"] = bench_rounds.summary(contestants, reference)
    bench_tables.print_contestants(console, results["contestants"], reference, size)
    if not arguments.no_road:
        with _progress(console) as progress:
            progress("the stages of the road")
            results["stages"] = bench_road.measure_stages(plan.sizes, plan.road_s)
            results["road"] = bench_road.measure_road(plan.sizes, plan.viewers, plan.road_s, progress)
        bench_tables.print_stages(console, results["stages"])
        bench_tables.print_road(console, results["road"])
    if arguments.json is not None:
        with new_file(arguments.json) as file:
            file.write((json.dumps(results, indent=2, allow_nan=False) + "\n").encode())
        console.print(f"written: {arguments.json}", markup=False)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Gives a function that says what is going on, in a line on a terminal that goes away."""
    with console.status("") as status:
        yield lambda text: status.update(text)


def main() -> None:
    # Wide enough for the tables where the output goes to a file.
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)
    try:
        bench(parse_arguments(), console)
    except (LiveCamError, SkippedError) as error:
        print(f"bench: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_status if isinstance(error, LiveCamError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
