"""Times the step against a forward pass alone: the same frame, alternating, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.select import Step
from live_cam.sources.demo import demo_frame
from live_cam.types import Method

_ROUNDS = 20
_CALLS_PER_ROUND = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of calls in milliseconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Cost of the step.

    Attributes:
        frame: Height and width of the frame, in pixels.
        step_ms: The step, explaining the top class.
        forward_ms: The same network without an explanation.
        ratio: Median of the step over median of the forward pass.
    """

    frame: tuple[int, int]
    step_ms: Timing
    forward_ms: Timing
    ratio: float


def measure(step: Step, method: Method) -> StepTimes:
    """Times `step` on one 480x640 photograph, each call from frame in memory to result in memory."""
    frames = demo_frame(0.0)[np.newaxis]
    top_class = np.zeros((1, 1, step.classes), np.float32)
    calls: tuple[Callable[[], object], ...] = (
        lambda: step(frames, top_class, method),
        lambda: step.forward(frames),
    )
    durations_ms: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for call, durations in zip(calls, durations_ms, strict=True):
            call()  # the first call after the other's finds cold caches, or compiles
            durations += [_time_ms(call) for _ in range(_CALLS_PER_ROUND)]
    step_ms, forward_ms = (_timing(np.array(durations)) for durations in durations_ms)
    height, width = frames.shape[1:3]
    return StepTimes((height, width), step_ms, forward_ms, round(step_ms.median / forward_ms.median, 3))


def _time_ms(call: Callable[[], object]) -> float:
    start_ns = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start_ns) / 1e6


def _timing(durations_ms: NDArray[np.float64]) -> Timing:
    median, p95 = np.percentile(durations_ms, (50, 95)).round(2).tolist()
    return Timing(median, p95)
