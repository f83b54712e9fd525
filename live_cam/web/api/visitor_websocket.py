"""A visitor's camera, whose frames are requested at the rate at which they can be explained."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

import numpy as np
from fastapi import WebSocket
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.pipeline.visitors import Visitors
from live_cam.sources.jpeg import JpegLimitError
from live_cam.types import Frame
from live_cam.web.api.messages import pack, unpack

_RESPONSE_LIMIT_S = 1.0
_HIDDEN_LIMIT_S = 30.0
_DEFAULT_INTERVAL_S = 0.05
_MAX_PENDING = 2
_MAX_AGE_MS = 2000.0
_TRY_AGAIN_LATER = 1013


async def refuse(websocket: WebSocket, message: str) -> None:
    """Closes the socket of a visitor without a place; the page shows why, and tries again after 5 s."""
    await websocket.send_bytes(pack({"source": "", "state": "ended", "message": message, "fps": 0.0}))
    await websocket.close(_TRY_AGAIN_LATER)


class VisitorCamera:
    """Requests frames from one visitor's page and offers them to the worker.

    Requests follow the worker's frame interval times the number of live visitors, without waiting for the response, so
    that the next frame travels while the last one is explained. No frame is requested while two are pending or one
    waits for the worker, and a frame that was not requested is not even decoded. One at a time is decoded, so that
    no visitor takes the turn of another.
    """

    def __init__(self, feed: Feed, session: Session, visitors: Visitors) -> None:
        self._feed = feed
        self._session = session
        self._visitors = visitors
        self._visible = asyncio.Event()
        self._visible.set()
        self._requested: set[int] = set()
        self._queued = False
        self._changed = asyncio.Event()
        self._decoding = asyncio.Lock()
        self._offering: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        feed.on_taken(self._on_taken)
        feed.watchdog.attempt()

    @property
    def dismissal(self) -> str:
        """Why the visitor has lost the place, in one line; empty if it was not taken from them."""
        return self._visitors.dismissal(self._feed)

    def pause(self, hidden: bool) -> None:
        """Pauses requests while the page is hidden, where browsers pause cameras."""
        if hidden:
            self._visible.clear()
        elif not self._visible.is_set():
            self._feed.watchdog.restart()
            self._feed.watchdog.attempt()
            self._visible.set()

    def receive(self, message: bytes) -> None:
        """Accepts a frame from the page.

        Raises:
            ValueError: The message is not a response.
        """
        match unpack(message):
            case {"response": int(number), "age_ms": int() | float() as age_ms}, jpeg:
                if number in self._requested:
                    # The page responds in order, so earlier requests get no response any more.
                    self._requested = {later for later in self._requested if later > number}
                    task = self._loop.create_task(self._offer(number, jpeg, min(_MAX_AGE_MS, max(0.0, age_ms))))
                    self._offering.add(task)
                    task.add_done_callback(self._on_offered)
            case _:
                raise ValueError("not a response")

    async def request_frames(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Requests one frame after the other until the page has been hidden for `_HIDDEN_LIMIT_S`."""
        for number in itertools.count():
            # Not `wait_for`, which up to Python 3.11 may swallow a cancellation.
            try:
                async with asyncio.timeout(_HIDDEN_LIMIT_S):
                    await self._visible.wait()
            except TimeoutError:
                return
            self._requested.add(number)
            await send(pack({"request": number}))
            # None is live yet while the first images are decoded, or while all are unusable.
            num_live = max(1, self._visitors.num_live + len(self._session.feeds))
            await asyncio.sleep(num_live * (self._session.frame_interval_s or _DEFAULT_INTERVAL_S))
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """Waits until another frame may be requested; requests without a response are given up."""
        while self._queued or len(self._requested) + len(self._offering) >= _MAX_PENDING:
            self._changed.clear()
            try:
                async with asyncio.timeout(_RESPONSE_LIMIT_S):
                    await self._changed.wait()
            except TimeoutError:
                self._requested.clear()

    async def _offer(self, number: int, jpeg: bytes, age_ms: float) -> None:
        pts_ns = self._session.clock.now_ns() - int(age_ms * 1e6)
        with contextlib.suppress(SourceError):
            rgb = await self._decode(jpeg)
            self._queued = self._feed.offer(Frame(rgb, pts_ns), None, number) is not None

    async def _decode(self, jpeg: bytes) -> NDArray[np.uint8]:
        """Decodes an image; the visitor who sent one that breaks a limit is dismissed.

        Raises:
            SourceError: It can't be decoded, or breaks a limit, or the visitor has left.
        """
        async with self._decoding:
            if self._feed.broadcaster.closed:
                raise SourceError("the visitor has left")
            try:
                rgb = await asyncio.wrap_future(self._visitors.decoders.submit(jpeg))
            except JpegLimitError as error:
                self._visitors.suspend(self._feed, str(error))
                raise
            self._visitors.note_image(self._feed)
            return rgb

    def _on_offered(self, task: asyncio.Task[None]) -> None:
        self._offering.discard(task)
        self._changed.set()

    def _on_taken(self) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._on_dequeued)

    def _on_dequeued(self) -> None:
        self._queued = False
        self._changed.set()
