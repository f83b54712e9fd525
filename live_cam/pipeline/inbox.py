"""What waits for the step: one frame of each feed, the newest, in the order in which the feeds came."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from live_cam.frame import Frame

if TYPE_CHECKING:
    from live_cam.pipeline.feed import Feed


class Inbox:
    """One slot for each feed; a frame not taken in time gives way to the next.

    A feed keeps its place in the queue when its frame is replaced, and goes to the end once it was served. So whoever
    sends more than others is not served more often.
    """

    def __init__(self) -> None:
        self._waiting: dict[Feed, Frame] = {}
        self._closed = False
        self._changed = threading.Condition()

    def put(self, feed: Feed, frame: Frame) -> None:
        """Lays the frame into its feed's slot, in place of one that still lies there."""
        with self._changed:
            if feed in self._waiting:
                feed.statistics.count_dropped()
            self._waiting[feed] = frame
            self._changed.notify()

    def take(self, at_once: int = 1) -> list[tuple[Feed, Frame]]:
        """Waits for a frame and takes out `at_once` where as many wait, else that of the feed that has waited longest.

        Returns:
            One frame or `at_once`; none once closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return []
            count = at_once if len(self._waiting) >= at_once else 1
            return [(feed, self._waiting.pop(feed)) for feed in list(self._waiting)[:count]]

    def remove(self, feed: Feed) -> None:
        """Forgets a feed that has left."""
        with self._changed:
            if self._waiting.pop(feed, None) is not None:
                feed.statistics.count_dropped()

    def close(self) -> None:
        """Ends every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
