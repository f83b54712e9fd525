"""Judges a source by the frames it delivers, and when."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import Clock
from live_cam.types import SourceState

_S = 1_000_000_000

# Viewers are notified within 2 s, so the limit leaves room for what lies between it and the screen.
_SILENCE_LIMIT_NS = 1_500_000_000
_MAX_SILENCE_NS = 60 * _S
# Of a network camera whose rate is not known yet: some deliver a picture every few seconds.
_UNKNOWN_RATE_LIMIT_NS = 10 * _S
_INTERVALS_OF_SILENCE = 3
_MIN_INTERVALS, _MAX_INTERVALS = 3, 5
_OPENING_LIMIT_NS = 2 * _S
_BLACK_LIMIT_NS = 1 * _S
# The longest is short enough for a camera that is back to be shown within 2 s, opening it included.
_PAUSES_NS = (_S // 4, _S // 2, _S)
# Some cameras lock everybody out for half an hour after five refusals.
_DENIED_PAUSES_NS = (60 * _S, 120 * _S, 300 * _S, 900 * _S)
_STEADY_NS = 5 * _S

_BLACK_LEVEL = 32
"""Above video's black of 16 and the noise of a sensor behind a closed shutter."""
_BLACK_FRACTION = 0.001
_STRIDE_PX = 8


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """State of a source, with a sentence for the viewer (empty while all is well)."""

    state: SourceState
    message: str = ""


class Watchdog:
    """Decides whether a source is well, whether a frame is usable, and when to reopen the source.

    A source is not well when it fails, falls silent, is frozen (its frames are the same, byte for byte, which a
    sensor's noise rules out) or delivers black frames only. What counts as silent or frozen follows the intervals
    between its frames. Called from any thread.

    Args:
        name: Display name of the source.
        clock: The time.
        has_lens: Whether a lens may be covered.
        is_network: Whether it may deliver less than a frame per second, and opening it, which may take longer, must
            not be tried twice at a time.
    """

    def __init__(self, name: str, clock: Clock, has_lens: bool = True, is_network: bool = False) -> None:
        self._name = name
        self._unknown_rate_limit_ns = _UNKNOWN_RATE_LIMIT_NS if is_network else _SILENCE_LIMIT_NS
        self._stuck_opening_ns = _MAX_SILENCE_NS if is_network else _OPENING_LIMIT_NS
        self._black_hint = "; is its lens covered?" if has_lens else ""
        self._clock = clock
        self._lock = threading.RLock()
        self.restart()

    def restart(self) -> None:
        """Starts afresh, since a person has just enabled the source."""
        with self._lock:
            now_ns = self._clock.now_ns()
            self._since_ns = self._steady_since_ns = self._changed_ns = now_ns
            self._usable_ns: int | None = None
            self._failure = ""
            self._failures = self._refusals = 0
            self._attempt_ns: int | None = None
            self._retry_ns = now_ns
            self._heard_ns: int | None = None
            self._arrivals, self._changes = _Intervals(), _Intervals()
            self._last: NDArray[np.uint8] | None = None
            self._frozen = self._black = False

    def attempt(self) -> None:
        """Notes that the source is being opened."""
        with self._lock:
            self._attempt_ns, self._heard_ns = self._clock.now_ns(), None

    def fail(self, reason: str, is_denied: bool = False) -> None:
        """Notes that an attempt has ended, and why; the next one waits for a minute and more if access was denied."""
        with self._lock:
            now_ns = self._clock.now_ns()
            if not self._failure and now_ns - self._steady_since_ns > _STEADY_NS:
                self._failures = 0
            self._failure = reason
            self._arrivals.interrupt()
            self._changes.interrupt()
            self._retry_ns = now_ns + (
                _at_most_last(_DENIED_PAUSES_NS, self._refusals)
                if is_denied
                else _at_most_last(_PAUSES_NS, self._failures)
            )
            self._failures += 1
            self._refusals += is_denied
            self._attempt_ns = None

    def retry(self) -> None:
        """Ends the pause before the next attempt, since a person asks for it."""
        with self._lock:
            self._retry_ns = self._clock.now_ns()

    @property
    def retry_s(self) -> float | None:
        """Seconds until the source is opened again; None while it is open, or being opened."""
        with self._lock:
            if self._attempt_ns is not None:
                return None
            return max(0.0, (self._retry_ns - self._clock.now_ns()) / _S)

    @property
    def attempt_due(self) -> bool:
        """Whether to open the source: it is closed and the pause is over, or the current attempt is stuck."""
        with self._lock:
            now_ns = self._clock.now_ns()
            if self._attempt_ns is None:
                return now_ns >= self._retry_ns
            if self._heard_ns is None:
                return now_ns - self._attempt_ns > self._stuck_opening_ns
            return now_ns - self._heard_ns > self._silence_limit_ns

    @property
    def needs_reopen(self) -> bool:
        """Whether the source is frozen and had time for another frame, so that only reopening may help."""
        with self._lock:
            tried_ns = 0 if self._attempt_ns is None else self._clock.now_ns() - self._attempt_ns
            return self._frozen and not self._black and tried_ns > self._silence_limit_ns

    def judge(self, rgb: NDArray[np.uint8], frozen_after_s: float | None) -> bool:
        """Judges a frame that has just arrived, and returns whether it is usable.

        Args:
            rgb: uint8 (H, W, 3).
            frozen_after_s: See `live_cam.sources.base.Stream`.
        """
        with self._lock:
            now_ns = self._clock.now_ns()
            self._arrivals.note(now_ns)
            self._heard_ns = now_ns
            if self._attempt_ns is None:  # one that seemed stuck goes on
                self._attempt_ns = now_ns
            if self._last is None or not _is_same(self._last, rgb):
                self._changes.note(now_ns)
                self._changed_ns, self._frozen = now_ns, False
            elif frozen_after_s is not None:
                limit_ns = max(frozen_after_s * _S, self._limit_ns(self._changes))
                self._frozen = now_ns - self._changed_ns > limit_ns
            self._last, self._black = rgb, _is_black(rgb)
            if self._frozen or self._black:
                return False
            if self.status.state != "live":
                self._steady_since_ns = now_ns
            self._usable_ns, self._failure, self._refusals = now_ns, "", 0
            return True

    @property
    def status(self) -> SourceStatus:
        """The state of the source."""
        with self._lock:
            now_ns = self._clock.now_ns()
            is_black = self._black and self._heard_ns is not None and now_ns - self._heard_ns <= self._silence_limit_ns
            waiting_ns = now_ns - (self._since_ns if self._usable_ns is None else self._usable_ns)
            limit_ns = _BLACK_LIMIT_NS if is_black else self._silence_limit_ns
            if self._usable_ns is None:
                limit_ns = _OPENING_LIMIT_NS
            if not self._failure and not self._frozen and waiting_ns <= limit_ns:
                return SourceStatus("live") if self._usable_ns else SourceStatus("starting", f"Opening {self._name}")
            if is_black:
                reason = f"{self._name} has shown nothing but black for {waiting_ns // _S} s{self._black_hint}"
            elif self._frozen and not self._black:
                frozen_s = (now_ns - self._changed_ns) // _S
                reason = f"{self._name} is frozen: it has delivered the same frame for {frozen_s} s"
            else:
                reason = self._failure or f"{self._name} has delivered no frame for {waiting_ns // _S} s"
            if (pause_s := self.retry_s) is not None:
                return SourceStatus("lost", f"{reason}; trying again in {pause_s:.{int(pause_s < 10)}f} s")
            if self._heard_ns is None:
                return SourceStatus("reconnecting", f"{reason}; trying again")
            return SourceStatus("lost", reason)

    @property
    def _silence_limit_ns(self) -> float:
        return self._limit_ns(self._arrivals)

    def _limit_ns(self, intervals: _Intervals) -> float:
        usual_ns = intervals.usual_ns
        if usual_ns is None:
            return self._unknown_rate_limit_ns
        return min(max(_SILENCE_LIMIT_NS, _INTERVALS_OF_SILENCE * usual_ns), _MAX_SILENCE_NS)


class _Intervals:
    """The newest intervals of something, whose median a fault or two do not change."""

    def __init__(self) -> None:
        self._kept_ns: deque[int] = deque(maxlen=_MAX_INTERVALS)
        self._last_ns: int | None = None

    def note(self, now_ns: int) -> None:
        """Notes that it has happened."""
        if self._last_ns is not None:
            self._kept_ns.append(now_ns - self._last_ns)
        self._last_ns = now_ns

    def interrupt(self) -> None:
        """Has the current interval not count."""
        self._last_ns = None

    @property
    def usual_ns(self) -> int | None:
        """The usual interval; None if too few are known."""
        return median_low(self._kept_ns) if len(self._kept_ns) >= _MIN_INTERVALS else None


def _at_most_last(pauses_ns: tuple[int, ...], number: int) -> int:
    return pauses_ns[min(number, len(pauses_ns) - 1)]


def _is_same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Compares frames; most differ in the few pixels that are compared first."""
    return (
        one.shape == other.shape
        and np.array_equal(one[::_STRIDE_PX, ::_STRIDE_PX], other[::_STRIDE_PX, ::_STRIDE_PX])
        and np.array_equal(one, other)
    )


def _is_black(rgb: NDArray[np.uint8]) -> bool:
    sample = rgb[::_STRIDE_PX, ::_STRIDE_PX]
    return bool(np.count_nonzero(sample > _BLACK_LEVEL) <= _BLACK_FRACTION * sample.size)
