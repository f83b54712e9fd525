"""The clock that everything timed goes by, so that a test can bring its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now_ns(self) -> int:
        """Gives the time, which never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class MonotonicClock:
    """The clock of `time.monotonic_ns`."""

    def now_ns(self) -> int:
        """Gives the time, which never goes back."""
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)
