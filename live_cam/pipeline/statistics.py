"""Counting frames, and how old they are when they are shown."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_WINDOW_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Readings:
    """The statistics at one moment.

    Attributes:
        captured, explained: Frames since the start.
        fps: Frames explained a second, over the last two seconds.
        age_p50_ms, age_p95_ms: From capture to the encoded overlay, over the last two seconds; None without frames.
    """

    captured: int
    explained: int
    fps: float
    age_p50_ms: float | None
    age_p95_ms: float | None


class Statistics:
    """Fed by the capture and the worker thread, read by everybody."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._captured = 0
        self._explained = 0
        self._recent: deque[tuple[int, int]] = deque()

    def count_captured(self) -> None:
        """Counts one frame from the source."""
        with self._lock:
            self._captured += 1

    def count_explained(self, pts_ns: int) -> None:
        """Counts one frame, captured at `pts_ns`, that is now ready to be shown."""
        now_ns = self._clock_ns()
        with self._lock:
            self._explained += 1
            self._recent.append((now_ns, now_ns - pts_ns))
            self._forget(now_ns)

    @property
    def fps(self) -> float:
        """Frames explained a second, over the last two seconds; cheap enough to ask for with every picture sent."""
        with self._lock:
            self._forget(self._clock_ns())
            span_ns = self._recent[-1][0] - self._recent[0][0] if self._recent else 0
            return (len(self._recent) - 1) * 1e9 / span_ns if span_ns else 0.0

    def read(self) -> Readings:
        """Gives the statistics of this moment."""
        fps = self.fps
        with self._lock:
            ages_ms = [age / 1e6 for _, age in self._recent]
            captured, explained = self._captured, self._explained
        p50, p95 = np.percentile(ages_ms, (50, 95)).round(1).tolist() if ages_ms else (None, None)
        return Readings(captured, explained, fps, p50, p95)

    def _forget(self, now_ns: int) -> None:
        while self._recent and now_ns - self._recent[0][0] > _WINDOW_NS:
            self._recent.popleft()
