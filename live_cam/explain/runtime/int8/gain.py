"""Whether int8 is faster than float32 on this machine, measured once."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from live_cam.explain.runtime.int8.step import Int8Step
from live_cam.explain.runtime.measurements import measure_once
from live_cam.explain.runtime.select import Step
from live_cam.models.openvino_files.core import core

MIN_GAIN: Final = 1.1
"""Below it int8 is not worth what it costs in truth."""

_ROUNDS: Final = 9


def is_faster(step: Step, cache: Path, digest: str) -> bool:
    """Whether a step in int8 takes at least a tenth less time than in float32.

    The first time on a machine it compiles both, which takes seconds; then the cache knows.

    Args:
        step: The step.
        cache: The folder that keeps what was measured; a file for each processor and model.
        digest: The digest of the model's weights.
    """
    if not isinstance(step, Int8Step):
        return False
    processor = core().get_property("CPU", "FULL_DEVICE_NAME")
    gain = measure_once(
        cache,
        "int8-gain",
        [processor, version("openvino"), digest],
        lambda: {"processor": processor, "gain": round(measure_gain(step), 3)},
        lambda value: float(value["gain"]),
    )
    return gain >= MIN_GAIN


def measure_gain(step: Int8Step) -> float:
    """Returns the time of a frame in float32 over that in int8: medians, of calls that alternate."""
    frame = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    targets = np.zeros((1, 1, step.classes), np.float32)
    durations_ns: dict[str, list[int]] = {"float32": [], "int8": []}
    for _ in range(_ROUNDS):
        for name, each in (("float32", step.float32), ("int8", step.int8)):
            each(frame, targets)  # the first call after the other's finds cold caches, or compiles
            start_ns = time.perf_counter_ns()
            each(frame, targets)
            durations_ns[name].append(time.perf_counter_ns() - start_ns)
    return float(np.median(durations_ns["float32"]) / np.median(durations_ns["int8"]))
