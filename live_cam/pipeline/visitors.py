"""Visitors who show their own cameras. Each has a private feed and private settings; all share the one step."""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.teaching import Teaching
from live_cam.sources.decode.jpeg_decoders import JpegDecoders

MAX_CLIENT_ID_LENGTH = 64

_S = 1_000_000_000
_REMEMBERED = 256
_IDLE_LIMIT_S = 10
_COME_BACK_S = 60
_FIRST_SUSPENSION_S = 10
_MAX_SUSPENSION_S = 320


@dataclass(slots=True)
class _Place:
    """A visitor's place.

    Attributes:
        feed: The visitor's feed.
        address: Where the visitor comes from.
        used_ns: When the last image came; before the first, when the visitor joined.
    """

    feed: Feed
    address: str
    used_ns: int


@dataclass(frozen=True, slots=True)
class _Suspension:
    """Why a visitor has to wait, until when, and how long in all."""

    reason: str
    until_ns: int
    duration_s: int


class Visitors:
    """Feeds by client id, which the visitor's page generates and shares with nobody else.

    Attributes:
        max_visitors: How many there may be at a time.
        decoders: Decode their images.
        metrics: The counters of all of them together.
    """

    def __init__(
        self,
        max_visitors: int,
        frame_queue: FrameQueue[Feed],
        total: Metrics,
        new_settings: Callable[[], SettingsStore],
        clock: Clock = MONOTONIC,
        new_teaching: Callable[[SettingsStore], Teaching | None] = lambda _: None,
    ) -> None:
        self.max_visitors = max_visitors
        self.decoders = JpegDecoders()
        self._frame_queue = frame_queue
        self.metrics = Metrics(total, clock)
        self._new_settings = new_settings
        self._clock = clock
        self._lock = threading.RLock()  # a signal handler closes the feeds in the thread it interrupted
        self._places: dict[str, _Place] = {}
        self._new_teaching = new_teaching
        self._settings: OrderedDict[str, SettingsStore] = OrderedDict()
        self._teachings: OrderedDict[str, tuple[Teaching | None, int]] = OrderedDict()
        self._suspensions: OrderedDict[str, _Suspension] = OrderedDict()
        self._dismissals: WeakKeyDictionary[Feed, str] = WeakKeyDictionary()
        self._joined = 0

    @property
    def num_live(self) -> int:
        """How many show frames now."""
        return sum(feed.status.state == "live" for feed in self.feeds)

    @property
    def feeds(self) -> list[Feed]:
        """The feeds of all visitors."""
        with self._lock:
            return [place.feed for place in self._places.values()]

    def join(self, client_id: str, address: str = "") -> Feed | None:
        """Returns a new feed for a visitor, in place of an earlier one.

        If all places are taken, one becomes free whose visitor has sent no image for `_IDLE_LIMIT_S`, or else one of an
        address with more than half of the places, if `address` has less.

        Returns:
            None without an id, if there is no place, or while the visitor is suspended.
        """
        with self._lock:
            now_ns = used_ns = self._clock.now_ns()
            if (earlier := self._places.get(client_id)) is not None:
                used_ns = earlier.used_ns  # joining again and again keeps no place
                self.leave(earlier.feed)
            if not client_id or self._suspended_s(client_id):
                return None
            if len(self._places) >= self.max_visitors and not self._make_room(address, now_ns):
                return None
            self._joined += 1
            source_id = f"visitor {self._joined}"
            settings = self.settings(client_id)
            feed = Feed("Your camera", "browser", settings, self._frame_queue, self.metrics, source_id, self._clock)
            feed.teaching = self.teaching(client_id)
            self._places[client_id] = _Place(feed, address, used_ns)
            return feed

    def find(self, client_id: str) -> Feed | None:
        """Returns the feed of a visitor, or None."""
        place = self._places.get(client_id)
        return None if place is None else place.feed

    def leave(self, feed: Feed) -> None:
        """Makes room for another visitor; the settings are kept for one who comes back."""
        with self._lock:
            for client_id in [each for each, place in self._places.items() if place.feed is feed]:
                del self._places[client_id]
                self.teaching(client_id)  # until they come back
        feed.close()

    def note_image(self, feed: Feed) -> None:
        """Notes that a visitor has sent an image, and so uses the place."""
        with self._lock:
            for place in self._places.values():
                if place.feed is feed:
                    place.used_ns = self._clock.now_ns()

    def suspend(self, feed: Feed, reason: str) -> None:
        """Dismisses a visitor, who may join again after a while, which doubles each time."""
        with self._lock:
            client_id = next((client_id for client_id, place in self._places.items() if place.feed is feed), None)
            if client_id is None:  # left already
                return
            earlier = self._suspensions.pop(client_id, None)
            duration_s = _FIRST_SUSPENSION_S if earlier is None else min(2 * earlier.duration_s, _MAX_SUSPENSION_S)
            until_ns = self._clock.now_ns() + duration_s * _S
            self._suspensions[client_id] = _Suspension(reason, until_ns, duration_s)
            if len(self._suspensions) > _REMEMBERED:
                self._suspensions.popitem(last=False)
            self._dismiss(feed, self.refusal(client_id))

    def refusal(self, client_id: str) -> str:
        """Returns why a visitor can't join now, in one line."""
        if left_s := self._suspended_s(client_id):
            reason = self._suspensions[client_id].reason
            return f"{reason[:1].upper()}{reason[1:]} (next try in {left_s} s)"
        return f"All {self.max_visitors} places are taken; retrying until one is free"

    def dismissal(self, feed: Feed) -> str:
        """Returns why a visitor has lost the place, in one line; empty if it was not taken from them."""
        return self._dismissals.get(feed, "")

    def close(self) -> None:
        """Ends what decodes the images."""
        self.decoders.close()

    def _suspended_s(self, client_id: str) -> int:
        """Returns how long a visitor has to wait, in full seconds."""
        suspension = self._suspensions.get(client_id)
        return 0 if suspension is None else max(0, math.ceil((suspension.until_ns - self._clock.now_ns()) / _S))

    def _make_room(self, address: str, now_ns: int) -> bool:
        """Takes a place from whom it is due to be taken, and returns whether there is one."""
        idle = min(self._places.values(), key=lambda place: place.used_ns)
        if now_ns - idle.used_ns > _IDLE_LIMIT_S * _S:
            self._dismiss(
                idle.feed,
                f"No image of your camera came for {_IDLE_LIMIT_S} s, and another visitor waited; retrying until a "
                "place is free",
            )
            return True
        part = max(1, self.max_visitors // 2)
        held = Counter(place.address for place in self._places.values())
        crowd, num_held = held.most_common(1)[0]
        if num_held <= part or held[address] >= part:
            return False
        newest = [place.feed for place in self._places.values() if place.address == crowd][-1]
        self._dismiss(
            newest,
            f"Your address had {num_held} of {self.max_visitors} places, and a visitor from elsewhere waited; retrying "
            "until one is free",
        )
        return True

    def _dismiss(self, feed: Feed, message: str) -> None:
        self._dismissals[feed] = message
        self.leave(feed)

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
                del self._settings[next(other for other in self._settings if other not in self._places)]
            return store

    def teaching(self, client_id: str) -> Teaching | None:
        """Returns what a visitor teaches, for as long as they are there or come back within a minute.

        Raises:
            ValueError: The id is too long.
        """
        with self._lock:
            now_ns, settings = self._clock.now_ns(), self.settings(client_id)
            known = self._teachings.pop(client_id, None)
            self._teachings[client_id] = (self._new_teaching(settings) if known is None else known[0]), now_ns
            absent = [(other, seen_ns) for other, (_, seen_ns) in self._teachings.items() if other not in self._places]
            for other, seen_ns in absent:
                is_over = now_ns - seen_ns > _COME_BACK_S * _S or len(self._teachings) > 2 * self.max_visitors
                if is_over and other != client_id:
                    del self._teachings[other]
            return self._teachings[client_id][0]
