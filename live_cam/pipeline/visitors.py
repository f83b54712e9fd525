"""Visitors who show their own cameras. Each has a private feed and private settings; all share the one step."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore

_REMEMBERED = 256
MAX_CLIENT_ID_LENGTH = 64


class Visitors:
    """Feeds by client id, which the visitor's page generates and shares with nobody else.

    Attributes:
        max_visitors: How many there may be at a time.
    """

    def __init__(
        self,
        max_visitors: int,
        frame_queue: FrameQueue[Feed],
        total: Metrics,
        new_settings: Callable[[], SettingsStore],
        clock: Clock = MONOTONIC,
    ) -> None:
        self.max_visitors = max_visitors
        self._frame_queue = frame_queue
        self._total = total
        self._new_settings = new_settings
        self._clock = clock
        self._lock = threading.RLock()  # a signal handler closes the feeds in the thread it interrupted
        self._feeds: dict[str, Feed] = {}
        self._settings: OrderedDict[str, SettingsStore] = OrderedDict()
        self._joined = 0

    @property
    def num_live(self) -> int:
        """How many show frames now."""
        return sum(feed.status.state == "live" for feed in self.feeds)

    @property
    def feeds(self) -> list[Feed]:
        """The feeds of all visitors."""
        with self._lock:
            return list(self._feeds.values())

    def join(self, client_id: str) -> Feed | None:
        """Returns a new feed for a visitor, in place of an earlier one; None without an id, or if there is no room."""
        with self._lock:
            if (earlier := self._feeds.get(client_id)) is not None:
                self.leave(earlier)
            if not client_id or len(self._feeds) >= self.max_visitors:
                return None
            self._joined += 1
            source_id = f"visitor {self._joined}"
            settings = self.settings(client_id)
            feed = Feed("Your camera", "browser", settings, self._frame_queue, self._total, source_id, self._clock)
            self._feeds[client_id] = feed
            return feed

    def find(self, client_id: str) -> Feed | None:
        """Returns the feed of a visitor, or None."""
        return self._feeds.get(client_id)

    def leave(self, feed: Feed) -> None:
        """Makes room for another visitor; the settings are kept for one who comes back."""
        with self._lock:
            self._feeds = {client_id: other for client_id, other in self._feeds.items() if other is not feed}
        feed.close()

    def settings(self, client_id: str) -> SettingsStore:
        """Returns a visitor's settings; the page may change them before the visitor joins.

        Raises:
            ValueError: The id is too long.
        """
        if len(client_id) > MAX_CLIENT_ID_LENGTH:
            raise ValueError(f"a client id has at most {MAX_CLIENT_ID_LENGTH} characters")
        with self._lock:
            store = self._settings.setdefault(client_id, self._new_settings())
            self._settings.move_to_end(client_id)
            if len(self._settings) > self.max_visitors + _REMEMBERED:
                del self._settings[next(other for other in self._settings if other not in self._feeds)]
            return store
