"""Runs the whole program for a given time and prints whether memory, threads, descriptors or latency grow.

    python -m scripts.benchmarks.soak --minutes 60 --viewers 4 --active -- demo demo demo

starts `live-cam demo demo demo` as a user would, connects viewers that behave as the page does, samples the process
once a second, and prints for each quantity its median in the minute before the 10th, 30th and 60th, at the start and at
the end, and its slope per hour with the slope's standard error. The first minute, in which caches fill, is left out of
start and slope. With --active, further viewers come and go, layers, methods and modes change, and recordings start and
stop (see `activity`); then the first ten minutes are left out. Needs a system with /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.activity import Activity
from scripts.benchmarks.child import Child
from scripts.benchmarks.memory import resident_mib
from tests.processes import free_port

START_LIMIT_S = 240
WARM_UP_S = 60
# Length of the first and of the last part that are compared.
END_S = 60
MARKS_S = (600, 1800, 3600)
QUANTITIES = {
    "resident memory, MiB": "resident_mib",
    "threads": "threads",
    "descriptors": "descriptors",
    "temporary files": "temporary_files",
    "latency at encoding, p50, ms": "encode_p50_ms",
    "display latency, p50, ms": "display_p50_ms",
    "display latency, p95, ms": "display_p95_ms",
    "fps": "fps",
}

Sample = dict[str, float | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--active", action="store_true", help="change something every 10 s")
    parser.add_argument("sources", nargs="*", default=["demo"], help="the sources of live-cam")
    options = parser.parse_args()
    warm_up_s = min(MARKS_S[0], 30 * options.minutes) if options.active else WARM_UP_S
    with ExitStack() as stack:
        temporary, recordings = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        arguments = [*options.sources, "--recordings-dir", str(recordings)]
        address, process = start(arguments, stack, environment={"TMPDIR": str(temporary)})
        connect_viewers(address, options.viewers, stack)
        activity = stack.enter_context(Activity(address, recordings)) if options.active else None
        samples = watch(process.pid, address, 60 * options.minutes, temporary=temporary)
        if activity and activity.failure:
            raise activity.failure
        process.send_signal(signal.SIGINT)
        print(f"{' '.join(options.sources)}, {options.viewers} viewers, {options.minutes:g} minutes")
    report(samples, warm_up_s)


def start(
    sources: Sequence[str],
    stack: ExitStack,
    wait_for_frame: bool = True,
    environment: Mapping[str, str] | None = None,
) -> tuple[str, subprocess.Popen[bytes]]:
    """Starts live-cam, which ends with the stack; returns its address and process.

    Args:
        sources: Arguments of live-cam.
        stack: Terminates the process.
        wait_for_frame: Whether to wait for the first explained frame, or for the server alone.
        environment: Variables added to this process's.
    """
    port = free_port()
    command = [sys.executable, "-m", "live_cam", *sources, "--no-open", "--port", str(port)]
    process = stack.enter_context(
        subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    )
    stack.callback(process.terminate)
    limit_s = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < limit_s:
        try:
            if fetch_stats(f"127.0.0.1:{port}")["frames"]["explained"] or not wait_for_frame:
                return f"127.0.0.1:{port}", process
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("live-cam explained no frame")


def connect_viewers(address: str, count: int, stack: ExitStack) -> None:
    """Connects viewers, in a process that ends with the stack, and waits until each has received a frame."""
    if count:
        viewers = stack.enter_context(Child("-m", "scripts.benchmarks.viewers", address, str(count)))
        viewers.receive(START_LIMIT_S)


def fetch_stats(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/stats", timeout=10) as response:
        stats: dict[str, Any] = json.load(response)
    return stats


def watch(
    pid: int, address: str, seconds: float, interval_s: float = 1.0, temporary: Path | None = None
) -> list[Sample]:
    """Samples the process, its statistics and its folder of temporary files at an interval."""
    start_s = time.monotonic()
    samples: list[Sample] = []
    while (now_s := time.monotonic() - start_s) < seconds:
        stats, proc = fetch_stats(address), Path(f"/proc/{pid}")
        samples.append(
            {
                "time_s": now_s,
                "resident_mib": resident_mib(pid),
                "threads": len(os.listdir(proc / "task")),
                "descriptors": len(os.listdir(proc / "fd")),
                "temporary_files": None if temporary is None else sum(1 for _ in temporary.rglob("*")),
                "encode_p50_ms": stats["age_ms"]["p50"],
                "display_p50_ms": stats["display_latency_ms"]["p50"],
                "display_p95_ms": stats["display_latency_ms"]["p95"],
                "fps": stats["fps"],
            }
        )
        time.sleep(max(0.0, interval_s - (time.monotonic() - start_s - now_s)))
    return samples


def report(samples: Sequence[Sample], warm_up_s: float = WARM_UP_S, end_s: float = END_S) -> None:
    """Prints each quantity: the medians of `end_s` before each mark, at the start and at the end, and the slope."""
    duration_s = max(sample["time_s"] or 0.0 for sample in samples)
    marks_s = [mark_s for mark_s in MARKS_S if mark_s <= duration_s + end_s]
    marks = "".join(f"{mark_s / 60:>7.0f} min" for mark_s in marks_s)
    print(f"{'':30}{marks}{'start':>14}{'end':>14}{'per hour':>12}{'+-':>10}")
    for title, name in QUANTITIES.items():
        known = [(sample["time_s"], sample[name]) for sample in samples if sample[name] is not None]
        points = np.array(known, np.float64).reshape(-1, 2)
        times_s, values = points.T
        at_marks = "".join(
            f"{_median(values[(mark_s - end_s <= times_s) & (times_s < mark_s)]):11.1f}" for mark_s in marks_s
        )
        times_s, values = points[points[:, 0] >= warm_up_s].T
        if len(times_s) < 3:
            print(f"{title:30}{at_marks}{'too few samples':>14}")
            continue
        first = _median(values[times_s < times_s[0] + end_s])
        last = _median(values[times_s > times_s[-1] - end_s])
        slope, error = slope_per_hour(times_s, values)
        print(f"{title:30}{at_marks}{first:14.1f}{last:14.1f}{slope:12.2f}{error:10.2f}")


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan


def slope_per_hour(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the least-squares slope and its standard error, as if samples were independent."""
    hours = (times_s - times_s.mean()) / 3600
    slope = float(hours @ (values - values.mean()) / (hours @ hours))
    residuals = values - values.mean() - slope * hours
    return slope, float(np.sqrt(residuals @ residuals / (len(hours) - 2) / (hours @ hours)))


if __name__ == "__main__":
    main()
