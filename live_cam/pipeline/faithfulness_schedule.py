"""When the map of which feed is tested: frames come first where the step is slower than the camera."""

from __future__ import annotations

from typing import Final

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed

PASS_EVERY_NS: Final = 1_000_000_000 // 6
"""Between forward passes, of which three make a measurement: in idle time, and at most for a new picture."""

# While frames wait, a new picture gets a third of the worker's time, and one that was measured a twentieth, but at
# least a pass a second and at most three in two.
_NEW_PASSES = 3
_MEASURED_PASSES = 20
_MEASURED_EVERY_NS = (666_000_000, 850_000_000)

# Of long idleness no more is kept than a few passes take.
_MAX_IDLE_NS = 500_000_000


class FaithfulnessSchedule:
    """Chooses the feed to test next, of those with viewers; used by the worker alone.

    A pass takes time in which no frame is explained. The worker's waits for frames are the time that costs none: passes
    that fit into it come six times a second, others at most so often, until a picture has its first measurements.
    """

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        """Prepares a schedule without feeds."""
        self._clock = clock
        self._feeds: dict[Feed, None] = {}
        self._due_ns = self._new_due_ns = self._measured_due_ns = 0
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
        has_idle_time = self._idle_ns >= self._pass_ns
        any_is_due = has_idle_time or now_ns >= self._measured_due_ns
        new_is_due = has_idle_time or now_ns >= self._new_due_ns
        watched = (feed for feed in self._feeds if feed.broadcaster.viewer_count)
        feed = next((feed for feed in watched if any_is_due or (new_is_due and feed.faithfulness.is_new)), None)
        if feed is not None:
            del self._feeds[feed]
            self._feeds[feed] = None
            self._due_ns = now_ns + PASS_EVERY_NS
            self._new_due_ns = now_ns + _NEW_PASSES * self._pass_ns
            if not feed.faithfulness.is_new:  # those that are must not keep the others waiting
                least_ns, most_ns = _MEASURED_EVERY_NS
                self._measured_due_ns = now_ns + min(max(_MEASURED_PASSES * self._pass_ns, least_ns), most_ns)
        return feed
