"""Timing the step against a forward pass alone, like for like: the same frame, alternating, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtimes import Step
from live_cam.frame import Method
from live_cam.sources.demo import demo_picture

_ROUNDS = 20
_CALLS_A_ROUND = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """How long calls took, in milliseconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class StepTimes:
    """What the step costs.

    Attributes:
        frame: Height and width of the frame, in pixels.
        step_ms: The step, explaining the likeliest class.
        forward_ms: The same network without an explanation.
        ratio: Of the two medians.
    """

    frame: tuple[int, int]
    step_ms: Timing
    forward_ms: Timing
    ratio: float


def measure(step: Step, method: Method) -> StepTimes:
    """Times `step` on one 480x640 photograph, each call from the frame in memory to results in memory."""
    frames = demo_picture(0.0)[np.newaxis]
    likeliest = np.zeros((1, 1, step.classes), np.float32)
    works: tuple[Callable[[], object], ...] = (
        lambda: step(frames, likeliest, method),
        lambda: step.forward(frames),
    )
    taken_ms: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for work, taken in zip(works, taken_ms, strict=True):
            work()  # the first call after the other's finds cold caches, or compiles
            taken += [_time_ms(work) for _ in range(_CALLS_A_ROUND)]
    step_ms, forward_ms = (_timing(np.array(taken)) for taken in taken_ms)
    height, width = frames.shape[1:3]
    return StepTimes((height, width), step_ms, forward_ms, round(step_ms.median / forward_ms.median, 3))


def _time_ms(work: Callable[[], object]) -> float:
    start_ns = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start_ns) / 1e6


def _timing(taken_ms: NDArray[np.float64]) -> Timing:
    median, p95 = np.percentile(taken_ms, (50, 95)).round(2).tolist()
    return Timing(median, p95)
