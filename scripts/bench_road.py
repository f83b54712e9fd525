"""The whole road, from the source to the viewers' sockets, by size of the picture and number of viewers.

Server and viewers are processes of their own on this machine, so the viewers' share of the processor is missing to the
server, as it is where browsers run on the same machine.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from bench_child import Child, SkippedError
from bench_pictures import Size

SIZES: tuple[Size, ...] = ((640, 480), (1280, 720), (1920, 1080))
VIEWERS = (1, 4, 16)

_START_LIMIT_S = 300.0
_ANSWER_LIMIT_S = 30.0
_WARM_S = 1.5
_STATS_EVERY_S = 1.0


def measure_road(
    sizes: Sequence[Size], viewer_counts: Sequence[int], seconds: float, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measures each size with each number of viewers for some seconds; a row says what it saw, or why nothing."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        name = f"{size[0]}x{size[1]}"
        progress(f"the whole road: starting at {name}")
        with Child("bench_server.py", (name,)) as server:
            try:
                address = server.hear(_START_LIMIT_S)["address"]
            except SkippedError as error:
                rows.append({"size": name, "viewers": None, "skipped": f"the server: {error}"})
                continue
            for count in viewer_counts:
                progress(f"the whole road: {name} for {count}")
                row = {"size": name, "viewers": count}
                try:
                    rows.append({**row, "skipped": None, **_cell(server, address, count, seconds)})
                except (SkippedError, OSError) as error:
                    rows.append({**row, "skipped": str(error)})
    return rows


def measure_stages(sizes: Sequence[Size], seconds: float) -> list[dict[str, Any]]:
    """Gives the time of each stage, for each size, in one thread and without a server."""
    with Child("bench_stages.py", (str(seconds), *(f"{width}x{height}" for width, height in sizes))) as child:
        try:
            stages: list[dict[str, Any]] = child.hear(_START_LIMIT_S + seconds * len(sizes))["stages"]
        except SkippedError as error:
            return [{"size": None, "skipped": str(error)}]
    return [{**row, "skipped": None} for row in stages]


def _cell(server: Child, address: str, count: int, seconds: float) -> dict[str, Any]:
    with Child("bench_viewers.py", (address, str(count))) as viewers:
        viewers.hear(_ANSWER_LIMIT_S)
        time.sleep(_WARM_S)
        before = server.ask("usage", _ANSWER_LIMIT_S)
        end_s = time.monotonic() + seconds
        viewers.send(str(seconds))
        readings = []
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _STATS_EVERY_S))
            readings.append(_stats(address))
        after = server.ask("usage", _ANSWER_LIMIT_S)
        seen = viewers.hear(_ANSWER_LIMIT_S)
    passed_s = after["wall_s"] - before["wall_s"]
    return {
        "explained_fps": round((after["explained"] - before["explained"]) / passed_s, 1),
        "age_p50_ms": _median(reading["age_ms"]["p50"] for reading in readings),
        "age_p95_ms": _median(reading["age_ms"]["p95"] for reading in readings),
        "painted_age_p50_ms": _median(seen["painted_age_ms"]),
        "viewer_fps_min": round(min(seen["fps"]), 1),
        "viewer_fps_median": _median(seen["fps"]),
        "server_cpu_percent": round(100 * (after["cpu_s"] - before["cpu_s"]) / passed_s),
        "server_resident_mib": after["resident_mib"],
        "runtime": readings[-1]["runtime"],
        "precision": readings[-1]["precision"],
    }


def _stats(address: str) -> dict[str, Any]:
    """Asks the server for its statistics, as anybody may."""
    with urllib.request.urlopen(f"http://{address}/stats", timeout=_ANSWER_LIMIT_S) as answer:
        stats: dict[str, Any] = json.load(answer)
    return stats


def _median(values: Iterable[float | None]) -> float | None:
    """Gives the median of the values that are known, to a tenth."""
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 1) if known else None
