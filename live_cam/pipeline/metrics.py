"""Counters and latencies of frames."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from live_cam.clock import MONOTONIC, Clock

_WINDOW_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """The metrics at one moment.

    Attributes:
        captured, explained, dropped: Frames since the start.
        fps: Frames explained per second, over the last two seconds.
        age_p50_ms, age_p95_ms: From capture to the encoded overlay, over the last two seconds; None without frames.
        display_p50_ms, display_p95_ms: From capture until viewers displayed it (glass to glass), likewise.
    """

    captured: int
    explained: int
    dropped: int
    fps: float
    age_p50_ms: float | None
    age_p95_ms: float | None
    display_p50_ms: float | None
    display_p95_ms: float | None

    def describe(self) -> dict[str, Any]:
        """Returns the part of `/stats` that these make."""
        return {
            "frames": {"captured": self.captured, "explained": self.explained, "dropped": self.dropped},
            "fps": round(self.fps, 1),
            "age_ms": {"p50": self.age_p50_ms, "p95": self.age_p95_ms},
            "display_latency_ms": {"p50": self.display_p50_ms, "p95": self.display_p95_ms},
        }


class Metrics:
    """Counters that capture, worker and viewers increment and anybody reads."""

    def __init__(self, total: Metrics | None = None, clock: Clock = MONOTONIC) -> None:
        """Starts at zero; what is counted here is counted in `total`, too."""
        self._total = total
        self._clock = clock
        self._lock = threading.Lock()
        self._captured = 0
        self._explained = 0
        self._dropped = 0
        self._ages: deque[tuple[int, float]] = deque()
        self._displayed: deque[tuple[int, float]] = deque()

    def count_captured(self) -> None:
        """Counts one frame from the source."""
        with self._lock:
            self._captured += 1
        if self._total is not None:
            self._total.count_captured()

    def count_dropped(self) -> None:
        """Counts one frame that is never explained: it was displaced by a newer one, or not usable."""
        with self._lock:
            self._dropped += 1
        if self._total is not None:
            self._total.count_dropped()

    def count_explained(self, pts_ns: int) -> None:
        """Counts one frame, captured at `pts_ns`, whose overlay is ready."""
        now_ns = self._clock.now_ns()
        with self._lock:
            self._explained += 1
            self._ages.append((now_ns, (now_ns - pts_ns) / 1e6))
            _expire(self._ages, now_ns)
        if self._total is not None:
            self._total.count_explained(pts_ns)

    def count_displayed(self, latency_ms: float) -> None:
        """Counts one overlay that a viewer displayed, so long after its capture."""
        now_ns = self._clock.now_ns()
        with self._lock:
            self._displayed.append((now_ns, latency_ms))
            _expire(self._displayed, now_ns)
        if self._total is not None:
            self._total.count_displayed(latency_ms)

    @property
    def fps(self) -> float:
        """Frames explained per second, over the last two seconds; cheap enough to read for each message."""
        with self._lock:
            _expire(self._ages, self._clock.now_ns())
            span_ns = self._ages[-1][0] - self._ages[0][0] if self._ages else 0
            return (len(self._ages) - 1) * 1e9 / span_ns if span_ns else 0.0

    def read(self) -> MetricsSnapshot:
        """Returns the metrics at this moment."""
        fps = self.fps
        with self._lock:
            _expire(self._displayed, self._clock.now_ns())
            ages_ms = [age_ms for _, age_ms in self._ages]
            displayed_ms = [latency_ms for _, latency_ms in self._displayed]
            captured, explained, dropped = self._captured, self._explained, self._dropped
        return MetricsSnapshot(captured, explained, dropped, fps, *_percentiles(ages_ms), *_percentiles(displayed_ms))


def _expire(recent: deque[tuple[int, float]], now_ns: int) -> None:
    while recent and now_ns - recent[0][0] > _WINDOW_NS:
        recent.popleft()


def _percentiles(values_ms: list[float]) -> tuple[float | None, float | None]:
    if not values_ms:
        return None, None
    p50, p95 = np.percentile(values_ms, (50, 95)).round(1).tolist()
    return p50, p95
