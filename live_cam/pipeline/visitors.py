"""Those who show their own cameras. Each has a feed and controls that are nobody else's; all share the one step."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.statistics import Statistics

_REMEMBERED = 256
LONGEST_KEY = 64


class Visitors:
    """Feeds by the visitor's key, which the visitor's page makes up and tells nobody else.

    Attributes:
        most: How many there may be at a time.
    """

    def __init__(self, most: int, inbox: Inbox, total: Statistics, new_controls: Callable[[], Controls]) -> None:
        self.most = most
        self._inbox = inbox
        self._total = total
        self._new_controls = new_controls
        self._lock = threading.RLock()  # a signal handler closes the hubs in the thread it interrupted
        self._feeds: dict[str, Feed] = {}
        self._controls: OrderedDict[str, Controls] = OrderedDict()
        self._joined = 0

    @property
    def showing(self) -> int:
        """How many have a picture now."""
        return sum(feed.status.state == "live" for feed in self.feeds)

    @property
    def feeds(self) -> list[Feed]:
        """Those of all who are here."""
        with self._lock:
            return list(self._feeds.values())

    def join(self, key: str) -> Feed | None:
        """Gives the visitor a new feed in place of an earlier one; None without a key, or when all places are taken."""
        with self._lock:
            if (earlier := self._feeds.get(key)) is not None:
                self.leave(earlier)
            if not key or len(self._feeds) >= self.most:
                return None
            self._joined += 1
            source_id = f"visitor {self._joined}"
            feed = Feed("Your camera", "browser", self.controls(key), self._inbox, self._total, source_id)
            self._feeds[key] = feed
            return feed

    def find(self, key: str) -> Feed | None:
        """Gives the feed of a visitor who is here."""
        return self._feeds.get(key)

    def leave(self, feed: Feed) -> None:
        """Makes room for another; the controls are kept for a visitor who comes back."""
        with self._lock:
            self._feeds = {key: other for key, other in self._feeds.items() if other is not feed}
        feed.close()

    def controls(self, key: str) -> Controls:
        """Gives a visitor's controls, before the visit, too: the page may set them first.

        Raises:
            ValueError: The key is too long.
        """
        if len(key) > LONGEST_KEY:
            raise ValueError(f"a visitor's key has at most {LONGEST_KEY} characters")
        with self._lock:
            controls = self._controls.setdefault(key, self._new_controls())
            self._controls.move_to_end(key)
            if len(self._controls) > self.most + _REMEMBERED:
                del self._controls[next(other for other in self._controls if other not in self._feeds)]
            return controls
