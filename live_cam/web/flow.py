"""How many pictures may be on their way to one viewer."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import OrderedDict

_LEAST_IN_FLIGHT = 2
_MOST_IN_FLIGHT = 4
_SMOOTHING = 0.2


class Flow:
    """Credit for one viewer: each picture it has painted makes room for the next; a hidden page gets none.

    Two pictures in flight hide the time between a painting and the answer; a long round trip gets up to four.

    Attributes:
        painted_age_ms: From capture until the viewer had painted, for the newest picture it acknowledged. It includes
            the way of the answer, so it errs on the honest side; a visitor's page tells its own.
    """

    def __init__(self) -> None:
        self.painted_age_ms: float | None = None
        self._hidden = False
        self._in_flight: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._round_trip_ns = 0.0
        self._interval_ns = 0.0
        self._last_sent_ns: int | None = None
        self._changed = asyncio.Event()

    @property
    def window(self) -> int:
        """How many pictures may be in flight."""
        if not self._interval_ns:
            return _LEAST_IN_FLIGHT
        return min(max(math.ceil(self._round_trip_ns / self._interval_ns) + 1, _LEAST_IN_FLIGHT), _MOST_IN_FLIGHT)

    async def credit(self, timeout_s: float) -> bool:
        """Waits until one more picture may be sent, and tells whether that came true in time."""
        if not self._has_room:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while not self._has_room:
                        self._changed.clear()
                        await self._changed.wait()
        return self._has_room

    @property
    def _has_room(self) -> bool:
        return not self._hidden and len(self._in_flight) < self.window

    def sent(self, seq: int, pts_ns: int, now_ns: int) -> None:
        """Notes that a picture went out."""
        self._in_flight[seq] = (pts_ns, now_ns)
        if self._last_sent_ns is not None:
            self._interval_ns += _SMOOTHING * (now_ns - self._last_sent_ns - self._interval_ns)
        self._last_sent_ns = now_ns

    def painted(self, seq: int, now_ns: int) -> bool:
        """Notes that picture `seq` was painted, and all before it are done with; False for one that was not sent."""
        if seq not in self._in_flight:
            return False
        while self._in_flight:
            number, (pts_ns, sent_ns) = self._in_flight.popitem(last=False)
            if number == seq:
                self._round_trip_ns += _SMOOTHING * (now_ns - sent_ns - self._round_trip_ns)
                self.painted_age_ms = round((now_ns - pts_ns) / 1e6, 1)
                break
        self._changed.set()
        return True

    def hide(self, hidden: bool) -> None:
        """Notes that the page was hidden or shown; what was in flight to a hidden page may never be painted."""
        self._hidden = hidden
        self._in_flight.clear()
        self._changed.set()
