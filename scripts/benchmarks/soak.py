"""Runs the whole program for a given time and prints whether memory, threads, descriptors or latency grow.

    python -m scripts.benchmarks.soak --minutes 30 --viewers 4 -- demo

starts `live-cam demo` as a user would, connects viewers that behave as the page does, samples the process once a
second, and prints for each quantity its median at the start and at the end, and its slope per hour with the slope's
standard error. The first minute, in which caches fill, is left out. Needs a system with /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.child import Child
from scripts.benchmarks.memory import resident_mib
from tests.processes import free_port

START_LIMIT_S = 240
WARM_UP_S = 60
# Length of the first and of the last part that are compared.
END_S = 60
QUANTITIES = {
    "resident memory, MiB": "resident_mib",
    "threads": "threads",
    "descriptors": "descriptors",
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
    parser.add_argument("sources", nargs="*", default=["demo"], help="the sources of live-cam")
    options = parser.parse_args()
    with ExitStack() as stack:
        address, process = start(options.sources, stack)
        connect_viewers(address, options.viewers, stack)
        samples = watch(process.pid, address, WARM_UP_S + 60 * options.minutes)
        process.send_signal(signal.SIGINT)
        print(f"{' '.join(options.sources)}, {options.viewers} viewers, {options.minutes:g} minutes after the first")
    report(samples)


def start(sources: Sequence[str], stack: ExitStack, wait_for_frame: bool = True) -> tuple[str, subprocess.Popen[bytes]]:
    """Starts live-cam, which ends with the stack; returns its address and process.

    Args:
        sources: Arguments of live-cam.
        stack: Terminates the process.
        wait_for_frame: Whether to wait for the first explained frame, or for the server alone.
    """
    port = free_port()
    command = [sys.executable, "-m", "live_cam", *sources, "--no-open", "--port", str(port)]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
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


def watch(pid: int, address: str, seconds: float, interval_s: float = 1.0) -> list[Sample]:
    """Samples the process and its statistics at an interval."""
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
                "encode_p50_ms": stats["age_ms"]["p50"],
                "display_p50_ms": stats["display_latency_ms"]["p50"],
                "display_p95_ms": stats["display_latency_ms"]["p95"],
                "fps": stats["fps"],
            }
        )
        time.sleep(max(0.0, interval_s - (time.monotonic() - start_s - now_s)))
    return samples


def report(samples: Sequence[Sample], warm_up_s: float = WARM_UP_S, end_s: float = END_S) -> None:
    """Prints each quantity: the medians of the first and the last `end_s`, and the slope with its standard error."""
    print(f"{'':30}{'start':>14}{'end':>14}{'per hour':>12}{'+-':>10}")
    for title, name in QUANTITIES.items():
        known = [(sample["time_s"], sample[name]) for sample in samples if sample[name] is not None]
        points = np.array(known, np.float64).reshape(-1, 2)
        times_s, values = points[points[:, 0] >= warm_up_s].T
        if len(times_s) < 3:
            print(f"{title:30}{'too few samples':>14}")
            continue
        first = np.median(values[times_s < times_s[0] + end_s])
        last = np.median(values[times_s > times_s[-1] - end_s])
        slope, error = slope_per_hour(times_s, values)
        print(f"{title:30}{first:14.1f}{last:14.1f}{slope:12.2f}{error:10.2f}")


def slope_per_hour(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the least-squares slope and its standard error, as if samples were independent."""
    hours = (times_s - times_s.mean()) / 3600
    slope = float(hours @ (values - values.mean()) / (hours @ hours))
    residuals = values - values.mean() - slope * hours
    return slope, float(np.sqrt(residuals @ residuals / (len(hours) - 2) / (hours @ hours)))


if __name__ == "__main__":
    main()
