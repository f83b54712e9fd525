"""Visitors whose WebSockets don't pass, as in browsers that trust a self-signed certificate for pages alone.

Each picture goes up in a request of its own, whose answer is the same picture explained.
"""

from __future__ import annotations

import asyncio
import time

from live_cam.errors import SourceError
from live_cam.frame import EncodedFrame, Frame
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.visitors import Visitors
from live_cam.sources.pushed import decode_jpeg

_ANSWER_LIMIT_S = 2.0
_AWAY_LIMIT_S = 5.0


class PostedVisits:
    """Keeps a visitor's place from one request to the next."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._seen_s: dict[Feed, float] = {}
        self._busy: set[Feed] = set()

    def join(self, key: str) -> Feed | None:
        """Gives the visitor's feed; None when there are as many visitors as there may be."""
        feed = self._visitors.find(key)
        if feed not in self._seen_s:
            feed = self._visitors.join(key)
            if feed is None:
                return None
            asyncio.get_running_loop().call_later(_AWAY_LIMIT_S, self._part, feed)
            feed.watchdog.attempt()
        self._seen_s[feed] = time.monotonic()
        return feed

    async def explain(self, feed: Feed, jpeg: bytes, age_ms: float) -> EncodedFrame | None:
        """Lays a picture before the step and gives it explained, or the frozen one.

        Returns:
            None when that took too long, or the picture is not fit.

        Raises:
            SourceError: It is no JPEG, is damaged, or too large; or the visitor's last one is still being explained.
        """
        if feed in self._busy:
            raise SourceError("a picture was sent before the last one was answered; send one at a time")
        self._busy.add(feed)
        try:
            return await self._explain(feed, jpeg, age_ms)
        finally:
            self._busy.remove(feed)

    async def _explain(self, feed: Feed, jpeg: bytes, age_ms: float) -> EncodedFrame | None:
        pts_ns = time.monotonic_ns() - int(age_ms * 1e6)
        rgb = await asyncio.to_thread(decode_jpeg, jpeg)
        seq = feed.next_seq
        with feed.hub.watch() as viewer:
            if not feed.offer(Frame(rgb, pts_ns, 0, feed.name), None):
                return feed.hub.newest if feed.controls.settings.frozen else None
            limit_s = time.monotonic() + _ANSWER_LIMIT_S
            newest = feed.hub.newest
            while (newest is None or newest.seq < seq) and (left_s := limit_s - time.monotonic()) > 0:
                if feed.hub.closed:
                    return None
                newest = await viewer.next_frame(-1 if newest is None else newest.seq, left_s)
            return newest if newest is not None and newest.seq >= seq else None

    def _part(self, feed: Feed) -> None:
        """Makes room for another when the visitor has not been heard of for a while."""
        left_s = self._seen_s[feed] + _AWAY_LIMIT_S - time.monotonic()
        if left_s > 0 and not feed.hub.closed:
            asyncio.get_running_loop().call_later(left_s, self._part, feed)
            return
        del self._seen_s[feed]
        self._visitors.leave(feed)
