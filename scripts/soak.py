"""Runs the real road for a given time and prints whether anything grows: memory, threads, descriptors, age.

    .venv/bin/python scripts/soak.py --minutes 30 --viewers 4 -- demo

starts `live-cam demo` as a user would, lets viewers watch as the page does, looks at the process once a second, and
prints for each quantity how it began, how it ended, and its slope an hour with the standard error of that slope. The
first minute, in which caches fill, is left out. Works where the system has /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from bench_child import Child
from numpy.typing import NDArray

START_LIMIT_S = 240
WARM_UP_S = 60
END_S = 60
QUANTITIES = {
    "resident memory, MiB": "resident_mib",
    "threads": "threads",
    "descriptors": "descriptors",
    "age at encoding, p50, ms": "age_ms",
    "age at display, p50, ms": "painted_p50_ms",
    "age at display, p95, ms": "painted_p95_ms",
    "frames a second": "fps",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("sources", nargs="*", default=["demo"], help="what live-cam is to show")
    asked = parser.parse_args()
    with ExitStack() as stack:
        address, process = start(asked.sources, stack)
        if asked.viewers:
            viewers = stack.enter_context(Child("bench_viewers.py", [address, str(asked.viewers)]))
            viewers.hear(START_LIMIT_S)
        samples = watch(process.pid, address, WARM_UP_S + 60 * asked.minutes)
        process.send_signal(signal.SIGINT)
        print(f"{' '.join(asked.sources)}, {asked.viewers} viewers, {asked.minutes:g} minutes after the first")
    report(samples)


def start(sources: list[str], stack: ExitStack, shows: bool = True) -> tuple[str, subprocess.Popen[bytes]]:
    """Starts live-cam and waits for its first picture, if it shows one by itself; it is ended with the stack."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "live_cam", *sources, "--no-open", "--port", str(port)]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    stack.callback(process.terminate)
    limit_s = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < limit_s:
        try:
            if stats(f"127.0.0.1:{port}")["frames"]["explained"] or not shows:
                return f"127.0.0.1:{port}", process
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("live-cam showed no picture")


def stats(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/stats", timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def watch(pid: int, address: str, seconds: float) -> list[dict[str, float]]:
    """Looks at the process once a second."""
    begin_s = time.monotonic()
    samples = []
    while (now_s := time.monotonic() - begin_s) < seconds:
        told, proc = stats(address), Path(f"/proc/{pid}")
        pages = int((proc / "statm").read_text().split()[1])
        samples.append(
            {
                "time_s": now_s,
                "resident_mib": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
                "threads": len(os.listdir(proc / "task")),
                "descriptors": len(os.listdir(proc / "fd")),
                "age_ms": told["age_ms"]["p50"],
                "painted_p50_ms": told["painted_age_ms"]["p50"],
                "painted_p95_ms": told["painted_age_ms"]["p95"],
                "fps": told["fps"],
            }
        )
        time.sleep(max(0.0, 1.0 - (time.monotonic() - begin_s - now_s)))
    return samples


def report(samples: list[dict[str, float]]) -> None:
    print(f"{'':26}{'first minute':>14}{'last minute':>14}{'an hour':>12}{'+-':>10}")
    for title, name in QUANTITIES.items():
        known = [(sample["time_s"], sample[name]) for sample in samples if sample[name] is not None]
        times_s, values = np.array([each for each in known if each[0] >= WARM_UP_S]).reshape(-1, 2).T
        if len(times_s) < 3:
            print(f"{title:26}{'too few samples':>14}")
            continue
        first = np.median(values[times_s < times_s[0] + END_S])
        last = np.median(values[times_s > times_s[-1] - END_S])
        slope, error = slope_per_hour(times_s, values)
        print(f"{title:26}{first:14.1f}{last:14.1f}{slope:12.2f}{error:10.2f}")


def slope_per_hour(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Gives the slope of the line of least squares, and its standard error (as if samples were independent)."""
    hours = (times_s - times_s.mean()) / 3600
    slope = float(hours @ (values - values.mean()) / (hours @ hours))
    residuals = values - values.mean() - slope * hours
    return slope, float(np.sqrt(residuals @ residuals / (len(hours) - 2) / (hours @ hours)))


if __name__ == "__main__":
    main()
