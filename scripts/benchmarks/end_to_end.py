"""The whole program, from the source to the viewers' sockets, by frame size and number of viewers.

Server and viewers are processes on this machine, so the viewers take processor time from the server, as browsers on
the same machine do.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from scripts.benchmarks.child import Child, SkippedError
from scripts.benchmarks.frames import Size, format_size

SIZES: tuple[Size, ...] = ((640, 480), (1280, 720), (1920, 1080))
VIEWERS = (1, 4, 16)
SERVER = ("-m", "scripts.benchmarks.server")

_START_LIMIT_S = 300.0
_RESPONSE_LIMIT_S = 30.0
_STATS_INTERVAL_S = 1.0


def measure_stages(sizes: Sequence[Size], seconds: float) -> list[dict[str, Any]]:
    """Returns the time of each stage, for each size, in one thread and without a server."""
    with Child("-m", "scripts.benchmarks.stages", str(seconds), *map(format_size, sizes)) as child:
        try:
            stages: list[dict[str, Any]] = child.receive(_START_LIMIT_S + seconds * len(sizes))["stages"]
        except SkippedError as error:
            return [{"size": None, "skipped": str(error)}]
    return [{**row, "skipped": None} for row in stages]


def measure_end_to_end(
    sizes: Sequence[Size],
    viewer_counts: Sequence[int],
    seconds: float,
    progress: Callable[[str], None],
    server: Sequence[str] = SERVER,
    warm_up_s: float = 1.5,
) -> list[dict[str, Any]]:
    """Measures each size with each number of viewers; a row has results or the reason why there are none.

    Args:
        sizes: Width and height of the frames, in pixels.
        viewer_counts: Numbers of viewers.
        seconds: Length of each measurement.
        progress: Called with a line about the current state.
        server: Python arguments that start the server; the size is added to them.
        warm_up_s: Time before each measurement.
    """
    rows: list[dict[str, Any]] = []
    for size in sizes:
        name = format_size(size)
        progress(f"end to end: starting at {name}")
        with Child(*server, name) as child:
            try:
                address = child.receive(_START_LIMIT_S)["address"]
            except SkippedError as error:
                rows.append({"size": name, "viewers": None, "skipped": f"the server: {error}"})
                continue
            for count in viewer_counts:
                progress(f"end to end: {name}, {count} viewers")
                row = {"size": name, "viewers": count}
                try:
                    rows.append({**row, "skipped": None, **_measure(child, address, count, seconds, warm_up_s)})
                except (SkippedError, OSError) as error:
                    rows.append({**row, "skipped": str(error)})
    return rows


def _measure(server: Child, address: str, count: int, seconds: float, warm_up_s: float) -> dict[str, Any]:
    with Child("-m", "scripts.benchmarks.viewers", address, str(count)) as viewers:
        viewers.receive(_RESPONSE_LIMIT_S)
        time.sleep(warm_up_s)
        before = server.request("usage", _RESPONSE_LIMIT_S)
        end_s = time.monotonic() + seconds
        viewers.send(str(seconds))
        stats = []
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _STATS_INTERVAL_S))
            stats.append(_fetch_stats(address))
        after = server.request("usage", _RESPONSE_LIMIT_S)
        received = viewers.receive(_RESPONSE_LIMIT_S)
    elapsed_s = after["wall_s"] - before["wall_s"]
    latencies_ms, frames = received["display_latency_ms"], sum(received["fps"]) * seconds
    loop_cpu_s = None if after["loop_cpu_s"] is None else after["loop_cpu_s"] - before["loop_cpu_s"]
    return {
        "explained_fps": round((after["explained"] - before["explained"]) / elapsed_s, 1),
        "encode_latency_p50_ms": _median(each["age_ms"]["p50"] for each in stats),
        "encode_latency_p95_ms": _median(each["age_ms"]["p95"] for each in stats),
        "display_latency_p50_ms": _median(latencies_ms),
        "display_latency_p95_ms": round(float(np.percentile(latencies_ms, 95)), 1) if latencies_ms else None,
        "viewer_fps_min": round(min(received["fps"]), 1),
        "viewer_fps_median": _median(received["fps"]),
        "server_cpu_percent": round(100 * (after["cpu_s"] - before["cpu_s"]) / elapsed_s),
        # Of the event loop alone: the step, too, takes more time where viewers take it the processor's cache.
        "loop_cpu_us_per_frame": loop_cpu_s and round(1e6 * loop_cpu_s / frames),
        "viewers_cpu_us_per_frame": round(1e6 * received["cpu_s"] / frames),
        "server_resident_mib": after["resident_mib"],
        "runtime": stats[-1]["runtime"],
        "precision": stats[-1]["precision"],
    }


def _fetch_stats(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/stats", timeout=_RESPONSE_LIMIT_S) as response:
        stats: dict[str, Any] = json.load(response)
    return stats


def _median(values: Iterable[float | None]) -> float | None:
    """Returns the median of the known values, to a tenth; None without any."""
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 1) if known else None
