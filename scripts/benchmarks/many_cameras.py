"""How many cameras a worker of a wall explains, how old their overlays are, and what a camera and a viewer cost.

`python -m scripts.benchmarks.many_cameras [CAMERAS [RATE_FPS [SECONDS]]] [--model FILE]` shows simulated cameras of
640x480 on one worker of a cluster on this machine, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from live_cam.child_process import start_child
from live_cam.cli.cluster import create_explainer
from live_cam.cli.options import ExplainerOptions
from live_cam.cluster.connection import LOCAL, connected
from scripts.benchmarks.simulated_camera import SimulatedCamera

_WARM_UP_S = 8
_SAMPLE_EVERY_S = 2
_VIEWED_N = 48
_ONE = 1000


def main() -> None:
    """Measures, and prints the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cameras", type=int, nargs="?", default=200)
    parser.add_argument("rate_fps", type=float, nargs="?", default=1.0)
    parser.add_argument("seconds", type=int, nargs="?", default=20)
    parser.add_argument("--model")
    arguments = parser.parse_args()
    with connected(LOCAL):
        result = _measure(arguments.cameras, arguments.rate_fps, arguments.seconds, arguments.model)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(json.dumps({**result, "cores": os.cpu_count(), "load": load}, indent=2))


def _measure(cameras_n: int, rate_fps: float, seconds: int, model: str | None) -> dict[str, Any]:
    import ray

    from live_cam.cluster.camera_actor import LIVE_BATCH_SIZE, CameraActor
    from live_cam.cluster.machines import find_machines
    from live_cam.sources.camera import CameraOptions

    options = ExplainerOptions(model=model)
    make = partial(create_explainer, options, Path.cwd(), batch_size=LIVE_BATCH_SIZE, smooth=True)
    actor = find_machines()[0].start(CameraActor, make, CameraOptions(), cpus_n=0)
    pid = ray.get(actor.ready.remote())
    empty_mb = _memory_mb(pid)
    cameras = {n: SimulatedCamera(f"Camera {n}", rate_fps, phase=n / cameras_n) for n in range(cameras_n)}
    ray.get(actor.show.remote(cameras))
    time.sleep(_WARM_UP_S)
    ages: list[float] = []
    before, start_s = _state(ray, actor, pid), time.monotonic()
    while time.monotonic() - start_s < seconds:
        time.sleep(_SAMPLE_EVERY_S)
        reports = ray.get(actor.look.remote({}, {})).reports.values()
        ages += [report.age_p95_ms for report in reports if report.age_p95_ms is not None]
    took_s, after = time.monotonic() - start_s, _state(ray, actor, pid)
    (explained_n, dropped_n, cpu_s) = (later - earlier for later, earlier in zip(after, before, strict=True))
    viewed: dict[int, None] = dict.fromkeys(range(min(_VIEWED_N, cameras_n)))
    sizes = [len(jpeg) for _, jpeg in ray.get(actor.look.remote(viewed, {})).small.values()]
    large = ray.get(actor.look.remote({}, {0: None})).large
    return {
        "cameras": cameras_n,
        "rate_fps": rate_fps,
        "explained_fps": round(explained_n / took_s, 1),
        "dropped_share": round(dropped_n / max(1, explained_n + dropped_n), 3),
        "age_p50_ms": round(float(np.median(ages))) if ages else None,
        "age_p95_ms": round(float(np.quantile(ages, 0.95))) if ages else None,
        "cpu_cores": round(cpu_s / took_s, 2),
        "memory_mb": round(_memory_mb(pid)),
        "memory_mb_each": round((_memory_mb(pid) - empty_mb) / cameras_n, 1),
        "small_bytes": round(float(np.mean(sizes))) if sizes else None,
        "large_bytes": len(large[0][1]) if large else None,
        "decoder_mb": round(_decoder_mb(), 1),
    }


def _state(ray: Any, actor: Any, pid: int) -> tuple[float, float, float]:
    """Returns frames explained and dropped, and processor time."""
    reports = ray.get(actor.look.remote({}, {})).reports.values()
    return sum(each.explained for each in reports), sum(each.dropped for each in reports), _cpu_s(pid)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    """Returns the memory that is this process's own or its share of what several map."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / _ONE


def _decoder_mb() -> float:
    """Returns the memory of the process that a network camera has, before it is connected."""
    with start_child("live_cam.sources.decode.network_process", []) as child:
        time.sleep(_SAMPLE_EVERY_S)
        memory_mb = _memory_mb(child.pid)
        child.kill()
    return memory_mb


if __name__ == "__main__":
    main()
