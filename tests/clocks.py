"""Clocks that a test controls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from live_cam.clock import MonotonicClock

S = 1_000_000_000
_REAL_LIMIT_S = 30.0


class FakeClock:
    """Time that passes only when a test advances it, or something sleeps."""

    def __init__(self, now_ns: int = 1000 * S) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * S)


class ShiftedClock(MonotonicClock):
    """Time that passes, and that a test can set forward."""

    def __init__(self) -> None:
        self._shift_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self._shift_ns

    def advance(self, seconds: float) -> None:
        self._shift_ns += round(seconds * S)


class SteppingClock:
    """Stands still while a thread under test is busy, then jumps to the next wake-up time.

    Args:
        prefixes: The names of the threads under test, which are started later, begin with these.
    """

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes
        self._others = set(threading.enumerate())
        self._now_ns = 1000 * S
        self._wake_ns: dict[threading.Thread, int] = {}
        self._changed = threading.Condition()
        self._ended = False

    @property
    def threads(self) -> set[threading.Thread]:
        """The threads under test that are alive."""
        return {thread for thread in threading.enumerate() if thread.name.startswith(self._prefixes)} - self._others

    def now_ns(self) -> int:
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        with self._changed:
            until_ns = self._now_ns + int(seconds * S)
            self._wake_ns[threading.current_thread()] = until_ns
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._now_ns >= until_ns or self._ended)

    def step(self) -> None:
        """Wakes the next thread, and waits until all sleep again."""
        self._wait_until_asleep()
        with self._changed:
            self._now_ns = min(self._wake_ns.values())
            self._wake_ns = {thread: wake_ns for thread, wake_ns in self._wake_ns.items() if wake_ns > self._now_ns}
            self._changed.notify_all()
        self._wait_until_asleep()

    def run(self, seconds: float, on_step: Callable[[int], None] = lambda now_ns: None) -> None:
        """Steps for some time, and calls `on_step` with the time after each step."""
        until_ns = self._now_ns + int(seconds * S)
        while self._now_ns < until_ns:
            self.step()
            on_step(self._now_ns)

    def run_until(self, condition: Callable[[], bool], within_s: float = 30.0) -> float:
        """Steps until a condition holds, and returns the seconds that took."""
        start_ns = self._now_ns
        self._wait_until_asleep()
        while not condition():
            assert self._now_ns - start_ns < within_s * S, f"the condition was not met within {within_s:g} s"
            self.step()
        return (self._now_ns - start_ns) / S

    def _wait_until_asleep(self) -> None:
        limit_s = time.monotonic() + _REAL_LIMIT_S
        with self._changed:
            while set(self._wake_ns) != self.threads:
                assert time.monotonic() < limit_s, "a thread does something other than sleep"
                self._changed.wait(0.0005)

    def end(self) -> None:
        """Ends every wait, and all that follow."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
