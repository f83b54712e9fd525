"""One WebSocket: sends overlays and the state, receives acknowledgements and a visitor's frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time

from fastapi import WebSocket, WebSocketDisconnect

from live_cam.pipeline.broadcast import FrameKey
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.web.api.flow_control import FlowControl
from live_cam.web.api.shared_messages import SharedMessages
from live_cam.web.api.visitor_websocket import VisitorCamera, refuse

# Without an overlay.
_STATE_EVERY_S = 0.25
# Beside overlays, which are the same for all viewers.
_LATENCY_EVERY_S = 1.0
_GOING_AWAY = 1001
# Raised when the client has disconnected, by receiving or by sending.
_DISCONNECTED = (WebSocketDisconnect, RuntimeError)


class ViewerConnection:
    """The connection of one viewer, who may be a visitor with a camera."""

    def __init__(
        self,
        websocket: WebSocket,
        session: Session,
        feed: Feed,
        messages: SharedMessages,
        camera: VisitorCamera | None = None,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._messages = messages
        self._feed = feed
        self._camera = camera
        self._flow = FlowControl()

    async def run(self) -> None:
        """Runs until the client disconnects or the feed closes."""
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]
        if self._camera is not None:
            tasks.append(asyncio.create_task(self._camera.request_frames(self._websocket.send_bytes)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(*_DISCONNECTED):
                if self._camera is not None and self._camera.dismissal:
                    await refuse(self._websocket, self._camera.dismissal)
                else:
                    await self._websocket.close(_GOING_AWAY)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, _DISCONNECTED):
                raise result

    async def _receive(self) -> None:
        with contextlib.suppress(ValueError, KeyError, RecursionError):  # not our protocol
            while True:
                await self._receive_message()

    async def _receive_message(self) -> None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        if self._camera is not None and message.get("bytes"):
            self._camera.receive(message["bytes"])
            return
        match json.loads(message["text"] or ""):
            case {"painted": int(seq), **more}:
                revision = more.get("revision")
                self._on_painted((seq, revision if isinstance(revision, int) else 0), more.get("age_ms"))
            case {"hidden": bool(hidden)}:
                self._flow.hide(hidden)
                if self._camera is not None:
                    self._camera.pause(hidden)
            case other:
                raise ValueError(f"unknown message: {other!r}")

    def _on_painted(self, key: FrameKey, age_ms: object) -> None:
        """Counts a painted overlay; only a visitor's page knows the capture time, and so the latency."""
        if not self._flow.painted(key, self._session.clock.now_ns()):
            return
        if self._camera is not None and isinstance(age_ms, int | float):
            self._flow.display_latency_ms = round(min(1e6, max(0.0, age_ms)), 1)  # NaN, too, becomes 0
        if not self._feed.settings.current.frozen:
            self._feed.metrics.count_displayed(self._flow.display_latency_ms or 0.0)

    async def _send(self) -> None:
        """Sends the newest overlay, which tells the state, too, whenever there is credit; and the state in between."""
        shown: FrameKey | None = None
        sent_s = state_sent_s = -math.inf
        with self._feed.broadcaster.watch() as viewer:
            while not self._feed.broadcaster.closed:
                if not await self._flow.credit(_STATE_EVERY_S):
                    continue
                now_s = time.monotonic()
                state_due_s = min(sent_s + _STATE_EVERY_S, state_sent_s + _LATENCY_EVERY_S)
                if state_due_s <= now_s:
                    state = self._messages.state(self._feed, self._flow.display_latency_ms)
                    await self._websocket.send_bytes(state)
                    sent_s = state_sent_s = now_s
                    continue
                frame = await viewer.next_frame(shown, state_due_s - now_s)
                if frame is None:
                    state_sent_s = -math.inf
                    continue
                shown = frame.key
                self._flow.sent(shown, frame.pts_ns, self._session.clock.now_ns())
                await self._websocket.send_bytes(self._messages.frame(self._feed, frame))
                sent_s = time.monotonic()
