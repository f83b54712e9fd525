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
        captured, explained, dropped: Frames since the start.
        fps: Frames explained a second, over the last two seconds.
        age_p50_ms, age_p95_ms: From capture to the encoded overlay, over the last two seconds; None without frames.
        painted_p50_ms, painted_p95_ms: From capture until viewers had painted, likewise.
    """

    captured: int
    explained: int
    dropped: int
    fps: float
    age_p50_ms: float | None
    age_p95_ms: float | None
    painted_p50_ms: float | None
    painted_p95_ms: float | None


class Statistics:
    """Fed by whoever captures and by the worker, read by everybody."""

    def __init__(self, total: Statistics | None = None, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Begins at zero; what is counted here is counted in `total`, too."""
        self._total = total
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._captured = 0
        self._explained = 0
        self._dropped = 0
        self._recent: deque[tuple[int, float]] = deque()
        self._painted: deque[tuple[int, float]] = deque()

    def count_captured(self) -> None:
        """Counts one frame from the source."""
        with self._lock:
            self._captured += 1
        if self._total is not None:
            self._total.count_captured()

    def count_dropped(self) -> None:
        """Counts one frame that was never explained: it gave way to a newer one, or was not fit."""
        with self._lock:
            self._dropped += 1
        if self._total is not None:
            self._total.count_dropped()

    def count_explained(self, pts_ns: int) -> None:
        """Counts one frame, captured at `pts_ns`, that is now ready to be shown."""
        now_ns = self._clock_ns()
        with self._lock:
            self._explained += 1
            self._recent.append((now_ns, (now_ns - pts_ns) / 1e6))
            _forget(self._recent, now_ns)
        if self._total is not None:
            self._total.count_explained(pts_ns)

    def count_painted(self, age_ms: float) -> None:
        """Counts one picture that a viewer has painted, so long after it was captured."""
        now_ns = self._clock_ns()
        with self._lock:
            self._painted.append((now_ns, age_ms))
            _forget(self._painted, now_ns)
        if self._total is not None:
            self._total.count_painted(age_ms)

    @property
    def fps(self) -> float:
        """Frames explained a second, over the last two seconds; cheap enough to ask for with every picture sent."""
        with self._lock:
            _forget(self._recent, self._clock_ns())
            span_ns = self._recent[-1][0] - self._recent[0][0] if self._recent else 0
            return (len(self._recent) - 1) * 1e9 / span_ns if span_ns else 0.0

    def read(self) -> Readings:
        """Gives the statistics of this moment."""
        fps = self.fps
        with self._lock:
            _forget(self._painted, self._clock_ns())
            ages_ms = [age_ms for _, age_ms in self._recent]
            painted_ms = [age_ms for _, age_ms in self._painted]
            captured, explained, dropped = self._captured, self._explained, self._dropped
        return Readings(captured, explained, dropped, fps, *_percentiles(ages_ms), *_percentiles(painted_ms))


def _forget(recent: deque[tuple[int, float]], now_ns: int) -> None:
    while recent and now_ns - recent[0][0] > _WINDOW_NS:
        recent.popleft()


def _percentiles(ages_ms: list[float]) -> tuple[float | None, float | None]:
    if not ages_ms:
        return None, None
    p50, p95 = np.percentile(ages_ms, (50, 95)).round(1).tolist()
    return p50, p95
