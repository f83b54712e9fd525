"""The routes beside the Gradio page: frames by WebSocket, long polling and MJPEG, snapshot, statistics, health."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse

from live_cam.pipeline.session import Session
from live_cam.web.flow import Flow
from live_cam.web.messages import header, pack

_STATIC = Path(__file__).with_name("static")
_STATUS_EVERY_S = 0.5
_POLL_LIMIT_S = 2.0
_NO_STORE = {"Cache-Control": "no-store"}
_BOUNDARY = "frame"


def frame_routes(session: Session) -> APIRouter:
    """Makes the routes for one session."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Response:
        return PlainTextResponse("ok" if session.healthy else session.status.message, 200 if session.healthy else 503)

    @router.get("/stats")
    def stats() -> Response:
        return JSONResponse(session.describe(), headers=_NO_STORE)

    @router.get("/snapshot.jpg")
    def snapshot() -> Response:
        frame = session.hub.newest
        if frame is None:
            return PlainTextResponse("There is no picture yet; ask again in a moment.", 503)
        return Response(frame.jpeg, media_type="image/jpeg", headers=_NO_STORE)

    @router.get("/frame.jpg")
    async def frame(after: int = -1) -> Response:
        with session.hub.watch() as viewer:
            newest = await viewer.next_frame(after, _POLL_LIMIT_S)
        words = json.dumps(header(session, newest))
        if newest is None:
            return Response(status_code=204, headers={**_NO_STORE, "X-Live-Cam": words})
        return Response(newest.jpeg, media_type="image/jpeg", headers={**_NO_STORE, "X-Live-Cam": words})

    @router.get("/stream.mjpg")
    async def stream() -> Response:
        media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        return StreamingResponse(_parts(session), media_type=media_type, headers=_NO_STORE)

    @router.get("/viewer.js")
    def viewer_script() -> Response:
        return FileResponse(_STATIC / "viewer.js", headers={"Cache-Control": "no-cache"})

    @router.websocket("/frames")
    async def frames(websocket: WebSocket) -> None:
        await websocket.accept()
        flow = Flow()
        sender = asyncio.create_task(_send(session, websocket, flow))
        try:
            while True:
                _hear(await websocket.receive_json(), flow)
        except (WebSocketDisconnect, ValueError, KeyError, RecursionError):
            pass  # the viewer left, or speaks another language: its socket ends either way
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await websocket.close()

    return router


def _hear(said: object, flow: Flow) -> None:
    match said:
        case {"painted": int(seq)}:
            flow.painted(seq, time.monotonic_ns())
        case {"hidden": bool(hidden)}:
            flow.hide(hidden)
        case _:
            raise ValueError(f"not a word of the viewer's language: {said!r}")


async def _send(session: Session, websocket: WebSocket, flow: Flow) -> None:
    """Sends the newest picture whenever the viewer has room for one, and the state when there is no picture."""
    seq = -1
    with session.hub.watch() as viewer:
        while not session.hub.closed:
            await flow.credit()
            frame = await viewer.next_frame(seq, _STATUS_EVERY_S)
            if frame is not None:
                seq = frame.seq
                flow.sent(seq, frame.pts_ns, time.monotonic_ns())
            words = header(session, frame, flow.painted_age_ms)
            await websocket.send_bytes(pack(words, b"" if frame is None else frame.jpeg))
    await websocket.close(1001)


async def _parts(session: Session) -> AsyncIterator[bytes]:
    """Gives each picture, followed at once by the next part's header: Chromium paints a part only when it sees that."""
    part = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
    seq = -1
    yield part
    with session.hub.watch() as viewer:
        while not session.hub.closed:
            frame = await viewer.next_frame(seq, _POLL_LIMIT_S)
            if frame is not None:
                seq = frame.seq
                yield frame.jpeg + b"\r\n" + part
