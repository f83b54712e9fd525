"""The clock that everything timed uses, so that a test can pass its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time and waiting."""

    def now_ns(self) -> int:
        """Returns the time in nanoseconds; it never decreases."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class MonotonicClock:
    """The clock of `time.monotonic_ns`."""

    def now_ns(self) -> int:
        """Returns the time in nanoseconds; it never decreases."""
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)


MONOTONIC = MonotonicClock()
"""The default wherever a clock can be passed."""
