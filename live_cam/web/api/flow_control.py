"""Limits the overlays in flight to one viewer."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import OrderedDict

from live_cam.pipeline.broadcast import FrameKey

_MIN_IN_FLIGHT = 2
_MAX_IN_FLIGHT = 4
_SMOOTHING = 0.2


class FlowControl:
    """Credit for one viewer: each painted overlay makes room for the next; a hidden page gets none.

    Two overlays in flight hide the time until an acknowledgement arrives; a long round trip gets up to four.

    Attributes:
        display_latency_ms: From capture until painted, for the newest acknowledged overlay. It includes the time of
            the acknowledgement, so it is an upper bound; a visitor's page measures its own.
    """

    def __init__(self) -> None:
        self.display_latency_ms: float | None = None
        self._hidden = False
        self._in_flight: OrderedDict[FrameKey, tuple[int, int]] = OrderedDict()
        self._round_trip_ns = 0.0
        self._interval_ns = 0.0
        self._last_sent_ns: int | None = None
        self._changed = asyncio.Event()

    @property
    def window(self) -> int:
        """How many overlays may be in flight."""
        if not self._interval_ns:
            return _MIN_IN_FLIGHT
        return min(max(math.ceil(self._round_trip_ns / self._interval_ns) + 1, _MIN_IN_FLIGHT), _MAX_IN_FLIGHT)

    async def credit(self, timeout_s: float) -> bool:
        """Waits until one more overlay may be sent, and returns whether it may."""
        if self._has_room:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._has_room:
                    self._changed.clear()
                    await self._changed.wait()
        return self._has_room

    @property
    def _has_room(self) -> bool:
        return not self._hidden and len(self._in_flight) < self.window

    def sent(self, key: FrameKey, pts_ns: int, now_ns: int) -> None:
        """Records that an overlay was sent."""
        self._in_flight[key] = (pts_ns, now_ns)
        if self._last_sent_ns is not None:
            self._interval_ns += _SMOOTHING * (now_ns - self._last_sent_ns - self._interval_ns)
        self._last_sent_ns = now_ns

    def painted(self, key: FrameKey, now_ns: int) -> bool:
        """Acknowledges an overlay and all sent before it; returns whether it was in flight."""
        if key not in self._in_flight:
            return False
        while self._in_flight:
            oldest, (pts_ns, sent_ns) = self._in_flight.popitem(last=False)
            if oldest == key:
                self._round_trip_ns += _SMOOTHING * (now_ns - sent_ns - self._round_trip_ns)
                self.display_latency_ms = round((now_ns - pts_ns) / 1e6, 1)
                break
        self._changed.set()
        return True

    def hide(self, hidden: bool) -> None:
        """Records that the page was hidden or shown; what is in flight to a hidden page may never be painted."""
        self._hidden = hidden
        self._in_flight.clear()
        self._changed.set()
