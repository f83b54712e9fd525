"""When the map of which feed is tested: frames come first where the step is slower than the camera."""

from __future__ import annotations

from typing import Final

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed

PASS_EVERY_NS: Final = 1_000_000_000 // 6
"""Between forward passes, of which three make a measurement: while there is idle time, and for a new picture."""

BUSY_PASS_EVERY_NS: Final = 2_000_000_000 // 3
"""Between forward passes of pictures that were measured, while frames wait."""

# Of long idleness no more is kept than a few passes take.
_MAX_IDLE_NS = BUSY_PASS_EVERY_NS


class FaithfulnessSchedule:
    """Chooses the feed to test next, of those with viewers; used by the worker alone.

    A pass takes time in which no frame is explained. The worker's waits for frames are the time that costs none: passes
    that fit into it come six times a second, others only until a picture has its first measurements.
    """

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        """Prepares a schedule without feeds."""
        self._clock = clock
        self._feeds: dict[Feed, None] = {}
        self._due_ns = 0
        self._busy_due_ns = 0
        self._idle_ns = 0
        self._pass_ns = 0

    def add(self, feed: Feed) -> None:
        """Adds a feed that shows an overlay."""
        self._feeds[feed] = None

    def count_idle(self, idle_ns: int) -> None:
        """Counts time in which the worker waited for work."""
        self._idle_ns = min(self._idle_ns + idle_ns, _MAX_IDLE_NS)

    def count_pass(self, pass_ns: int) -> None:
        """Counts the time that a pass took."""
        self._pass_ns = pass_ns
        self._idle_ns = max(self._idle_ns - pass_ns, 0)

    def next_feed(self) -> Feed | None:
        """Returns the feed whose map is due for a pass now, of several the one tested longest ago; None if none is."""
        now_ns = self._clock.now_ns()
        if now_ns < self._due_ns:
            return None
        self._feeds = {feed: None for feed in self._feeds if not feed.broadcaster.closed}
        any_is_due = self._idle_ns >= self._pass_ns or now_ns >= self._busy_due_ns
        watched = (feed for feed in self._feeds if feed.broadcaster.viewer_count)
        feed = next((feed for feed in watched if any_is_due or feed.faithfulness.is_new), None)
        if feed is not None:
            del self._feeds[feed]
            self._feeds[feed] = None
            self._due_ns = now_ns + PASS_EVERY_NS
            if not feed.faithfulness.is_new:  # those that are must not keep the others waiting
                self._busy_due_ns = now_ns + BUSY_PASS_EVERY_NS
        return feed
