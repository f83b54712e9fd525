"""Visitors over plain HTTP, for browsers that accept a self-signed certificate for pages but not for WebSockets.

Each frame is uploaded in a request of its own, whose response is its overlay.
"""

from __future__ import annotations

import asyncio
import time

from live_cam.clock import Clock
from live_cam.errors import SourceError
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.visitors import Visitors
from live_cam.sources.jpeg import JpegLimitError
from live_cam.types import EncodedFrame, Frame

_RESULT_LIMIT_S = 2.0
_AWAY_LIMIT_S = 5.0


class HttpVisitorTransport:
    """Keeps a visitor's feed between requests."""

    def __init__(self, visitors: Visitors, clock: Clock) -> None:
        self._visitors = visitors
        self._clock = clock
        self._seen_s: dict[Feed, float] = {}
        self._busy: set[Feed] = set()

    def join(self, client_id: str, address: str) -> Feed | None:
        """Returns the visitor's feed, or None if there is no place."""
        feed = self._visitors.find(client_id)
        if feed not in self._seen_s:
            feed = self._visitors.join(client_id, address)
            if feed is None:
                return None
            asyncio.get_running_loop().call_later(_AWAY_LIMIT_S, self._leave_if_idle, feed)
            feed.watchdog.attempt()
        self._seen_s[feed] = time.monotonic()
        return feed

    async def explain(self, feed: Feed, jpeg: bytes, age_ms: float) -> EncodedFrame | None:
        """Offers a frame to the worker and returns its overlay, or the frozen one.

        Returns:
            None if that took too long, or the frame was dropped.

        Raises:
            SourceError: The image is no JPEG, damaged, or breaks a limit, after which the visitor has to wait; or the
                visitor's last one is still in progress.
        """
        if feed in self._busy:
            raise SourceError("an image was sent before the response to the last one; send one at a time")
        self._busy.add(feed)
        try:
            return await self._explain(feed, jpeg, age_ms)
        except JpegLimitError as error:
            self._visitors.suspend(feed, str(error))
            raise
        finally:
            self._busy.remove(feed)
            if feed in self._seen_s:  # unless it was closed meanwhile
                self._seen_s[feed] = time.monotonic()

    async def _explain(self, feed: Feed, jpeg: bytes, age_ms: float) -> EncodedFrame | None:
        pts_ns = self._clock.now_ns() - int(age_ms * 1e6)
        rgb = await asyncio.wrap_future(self._visitors.decoders.submit(jpeg))
        self._visitors.note_image(feed)
        with feed.broadcaster.watch() as viewer:
            offered = feed.offer(Frame(rgb, pts_ns), None)
            if offered is None:
                return feed.broadcaster.newest if feed.settings.current.frozen else None
            limit_s = time.monotonic() + _RESULT_LIMIT_S
            newest = feed.broadcaster.newest
            while (newest is None or newest.seq < offered.seq) and (left_s := limit_s - time.monotonic()) > 0:
                if feed.broadcaster.closed:
                    return None
                newest = await viewer.next_frame(None if newest is None else newest.key, left_s)
            return newest if newest is not None and newest.seq >= offered.seq else None

    def _leave_if_idle(self, feed: Feed) -> None:
        """Closes the feed of a visitor who has sent nothing for a while."""
        left_s = _AWAY_LIMIT_S if feed in self._busy else self._seen_s[feed] + _AWAY_LIMIT_S - time.monotonic()
        if left_s > 0 and not feed.broadcaster.closed:
            asyncio.get_running_loop().call_later(left_s, self._leave_if_idle, feed)
            return
        del self._seen_s[feed]
        self._visitors.leave(feed)
