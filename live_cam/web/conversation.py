"""What is said over one WebSocket: pictures and the state go out, acknowledgements and a visitor's pictures come in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

from fastapi import WebSocket, WebSocketDisconnect

from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.web.flow import Flow
from live_cam.web.messages import pack, picture_words, state_words
from live_cam.web.visitor_camera import VisitorCamera

_STATE_EVERY_S = 0.25
_GOING_AWAY = 1001
# The viewer left, in one of the ways that servers tell it in.
_USUAL_ENDINGS = (WebSocketDisconnect, RuntimeError)


class Conversation:
    """One viewer's, who may be a visitor with a camera."""

    def __init__(self, websocket: WebSocket, session: Session, feed: Feed, camera: VisitorCamera | None = None) -> None:
        self._websocket = websocket
        self._session = session
        self._feed = feed
        self._camera = camera
        self._flow = Flow()

    async def run(self) -> None:
        """Talks until either side has had enough."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._show())]
        if self._camera is not None:
            tasks.append(asyncio.create_task(self._camera.ask(self._websocket.send_bytes)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            endings = await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._websocket.close(_GOING_AWAY)
        for ending in endings:
            if isinstance(ending, Exception) and not isinstance(ending, _USUAL_ENDINGS):
                raise ending

    async def _listen(self) -> None:
        with contextlib.suppress(ValueError, KeyError, RecursionError):  # another language than ours
            while True:
                await self._hear()

    async def _hear(self) -> None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        if self._camera is not None and message.get("bytes"):
            self._camera.take(message["bytes"])
            return
        match json.loads(message["text"] or ""):
            case {"painted": int(seq), **more}:
                self._note_painted(seq, more.get("age_ms"))
            case {"hidden": bool(hidden)}:
                self._flow.hide(hidden)
                if self._camera is not None:
                    self._camera.pause(hidden)
            case said:
                raise ValueError(f"not a word of the viewer's language: {said!r}")

    def _note_painted(self, seq: int, age_ms: object) -> None:
        """Takes the age from the visitor's page, which alone knows when its picture was taken."""
        if not self._flow.painted(seq, time.monotonic_ns()):
            return
        if self._camera is not None and isinstance(age_ms, int | float):
            self._flow.painted_age_ms = round(min(1e6, max(0.0, age_ms)), 1)  # NaN, too, becomes 0
        if not self._feed.controls.settings.frozen:
            self._feed.statistics.count_painted(self._flow.painted_age_ms or 0.0)

    async def _show(self) -> None:
        """Sends the newest picture whenever the viewer has room for one, and the state in between."""
        seq, told_s = -1, 0.0
        with self._feed.hub.watch() as viewer:
            while not self._feed.hub.closed:
                if not await self._flow.credit(_STATE_EVERY_S):
                    continue
                if told_s + _STATE_EVERY_S <= time.monotonic():
                    words = {**state_words(self._session, self._feed), "painted_age_ms": self._flow.painted_age_ms}
                    await self._websocket.send_bytes(pack(words))
                    told_s = time.monotonic()
                frame = await viewer.next_frame(seq, told_s + _STATE_EVERY_S - time.monotonic())
                if frame is None:
                    told_s = 0.0
                    continue
                seq = frame.seq
                self._flow.sent(seq, frame.pts_ns, time.monotonic_ns())
                await self._websocket.send_bytes(pack(picture_words(self._session, self._feed, frame), frame.jpeg))
