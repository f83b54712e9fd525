"""Judging a source by what it gives, and when."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import SourceState
from live_cam.pipeline.clock import Clock

_S = 1_000_000_000

# People are told within 2 s, so the limit leaves room for what lies between it and the screen.
_SILENCE_LIMIT_NS = 1_500_000_000
_INTERVALS_OF_SILENCE = 3
_INTERVALS_KEPT = 3
_LONGEST_INTERVAL_NS = 3 * _S
_OPENING_LIMIT_NS = 2 * _S
_BLACK_LIMIT_NS = 1 * _S
# The longest is short enough for a camera that is back to be seen within 2 s, opening it included.
_PAUSES_NS = (_S // 4, _S // 2, _S)
_STEADY_NS = 5 * _S

_BLACK_LEVEL = 32
"""Above video's black of 16 and the noise of a sensor behind a closed shutter."""
_BLACK_SHARE = 0.001
_EVERY_PX = 8


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How the source is, with a sentence for the person who watches (empty while all is well)."""

    state: SourceState
    message: str = ""


class Watchdog:
    """Tells whether a source is well, whether a frame is fit to be explained, and when to open the source again.

    A source is not well when it fails, falls silent, is frozen (its pictures are the same, byte for byte, which a
    sensor's noise rules out) or shows nothing but black. Called from any thread.
    """

    def __init__(self, name: str, clock: Clock, has_lens: bool = True) -> None:
        self._name = name
        self._black_hint = "; is its lens covered?" if has_lens else ""
        self._clock = clock
        self._lock = threading.RLock()
        self.restart()

    def restart(self) -> None:
        """Forgets what was, since a person has just asked for the source."""
        with self._lock:
            now_ns = self._clock.now_ns()
            self._since_ns = self._steady_since_ns = self._changed_ns = now_ns
            self._good_ns: int | None = None
            self._failure = ""
            self._failures = 0
            self._attempt_ns: int | None = None
            self._retry_ns = now_ns
            self._heard_ns: int | None = None
            self._came_ns: int | None = None
            self._intervals_ns: deque[int] = deque(maxlen=_INTERVALS_KEPT)
            self._last: NDArray[np.uint8] | None = None
            self._frozen = self._black = False

    def attempt(self) -> None:
        """Notes that the source is being opened."""
        with self._lock:
            self._attempt_ns, self._heard_ns = self._clock.now_ns(), None

    def fail(self, reason: str) -> None:
        """Notes that an attempt has ended, and why."""
        with self._lock:
            now_ns = self._clock.now_ns()
            if not self._failure and now_ns - self._steady_since_ns > _STEADY_NS:
                self._failures = 0
            self._failure = reason
            self._retry_ns = now_ns + _PAUSES_NS[min(self._failures, len(_PAUSES_NS) - 1)]
            self._failures += 1
            self._attempt_ns = None

    @property
    def attempt_due(self) -> bool:
        """Whether to open the source: it is closed and the pause is over, or the attempt under way is stuck."""
        with self._lock:
            now_ns = self._clock.now_ns()
            if self._attempt_ns is None:
                return now_ns >= self._retry_ns
            if self._heard_ns is None:
                return now_ns - self._attempt_ns > _OPENING_LIMIT_NS
            return now_ns - self._heard_ns > self._silence_limit_ns

    @property
    def hopeless(self) -> bool:
        """Whether the source had time to give another picture, and only opening it anew may help."""
        with self._lock:
            tried_ns = 0 if self._attempt_ns is None else self._clock.now_ns() - self._attempt_ns
            return self._frozen and not self._black and tried_ns > _SILENCE_LIMIT_NS

    def judge(self, rgb: NDArray[np.uint8], frozen_after_s: float | None) -> bool:
        """Takes in a frame that has just come and tells whether it is fit to be explained.

        Args:
            rgb: uint8 (H, W, 3).
            frozen_after_s: See `live_cam.sources.source.Stream`.
        """
        with self._lock:
            now_ns = self._clock.now_ns()
            if self._came_ns is not None:
                self._intervals_ns.append(min(now_ns - self._came_ns, _LONGEST_INTERVAL_NS))
            self._came_ns = self._heard_ns = now_ns
            if self._attempt_ns is None:  # one that was thought stuck goes on
                self._attempt_ns = now_ns
            if self._last is None or not _same(self._last, rgb):
                self._changed_ns, self._frozen = now_ns, False
            elif frozen_after_s is not None and now_ns - self._changed_ns > frozen_after_s * _S:
                self._frozen = True
            self._last, self._black = rgb, _is_black(rgb)
            if self._frozen or self._black:
                return False
            if self.status.state != "live":
                self._steady_since_ns = now_ns
            self._good_ns, self._failure = now_ns, ""
            return True

    @property
    def status(self) -> SourceStatus:
        """How the source is."""
        with self._lock:
            now_ns = self._clock.now_ns()
            black = self._black and self._heard_ns is not None and now_ns - self._heard_ns <= self._silence_limit_ns
            waiting_ns = now_ns - (self._since_ns if self._good_ns is None else self._good_ns)
            limit_ns = _BLACK_LIMIT_NS if black else self._silence_limit_ns
            if self._good_ns is None:
                limit_ns = _OPENING_LIMIT_NS
            if not self._failure and not self._frozen and waiting_ns <= limit_ns:
                return SourceStatus("live") if self._good_ns else SourceStatus("starting", f"Opening {self._name}")
            if black:
                reason = f"{self._name} has shown nothing but black for {waiting_ns // _S} s{self._black_hint}"
            elif self._frozen and not self._black:
                frozen_s = (now_ns - self._changed_ns) // _S
                reason = f"{self._name} is frozen: it has given the very same picture for {frozen_s} s"
            else:
                reason = self._failure or f"{self._name} has given no picture for {waiting_ns // _S} s"
            if self._attempt_ns is None:
                pause_s = max(0.0, (self._retry_ns - now_ns) / _S)
                return SourceStatus("lost", f"{reason}; trying again in {pause_s:.1f} s")
            if self._heard_ns is None:
                return SourceStatus("reconnecting", f"{reason}; trying again")
            return SourceStatus("lost", reason)

    @property
    def _silence_limit_ns(self) -> float:
        """Some cameras give less than a picture a second; a fault or two do not make a camera one of them."""
        usual_ns = min(self._intervals_ns) if len(self._intervals_ns) == _INTERVALS_KEPT else 0
        return max(_SILENCE_LIMIT_NS, _INTERVALS_OF_SILENCE * usual_ns)


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Tells whether two pictures are the same; most differ in the few pixels that are looked at first."""
    return (
        one.shape == other.shape
        and np.array_equal(one[::_EVERY_PX, ::_EVERY_PX], other[::_EVERY_PX, ::_EVERY_PX])
        and np.array_equal(one, other)
    )


def _is_black(rgb: NDArray[np.uint8]) -> bool:
    few = rgb[::_EVERY_PX, ::_EVERY_PX]
    return bool(np.count_nonzero(few > _BLACK_LEVEL) <= _BLACK_SHARE * few.size)
