"""The routes beside the Gradio page: frames by WebSocket, long polling and MJPEG, snapshot, statistics, health."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse

from live_cam.errors import SourceError
from live_cam.frame import EncodedFrame
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.pipeline.snapshot import take_snapshot
from live_cam.pipeline.visitors import Visitors
from live_cam.web.asked import NO_STORE, VisitorKey, feed_asked_for, limited_body
from live_cam.web.asking import no_picture_yet
from live_cam.web.conversation import Conversation
from live_cam.web.messages import pack, picture_words, state_words
from live_cam.web.posted import PostedVisits
from live_cam.web.visitor_camera import VisitorCamera

_STATIC = Path(__file__).with_name("static")
_POLL_LIMIT_S = 2.0
_REVALIDATE = {"Cache-Control": "no-cache"}
_BOUNDARY = "frame"
_TRY_AGAIN_LATER = 1013
PICTURE_LIMIT_BYTES = 2**21


def frame_routes(session: Session, kiosk: bool = False) -> APIRouter:
    """Makes the routes for one session; a kiosk's make nothing to save."""
    router = APIRouter()

    asked = Depends(feed_asked_for(session))

    @router.get("/healthz")
    def healthz() -> Response:
        illness = session.illness
        return PlainTextResponse(illness, 503) if illness else PlainTextResponse("ok")

    @router.get("/stats")
    def stats() -> Response:
        return JSONResponse(session.describe(), headers=NO_STORE)

    @router.get("/snapshot.jpg")
    def snapshot_jpg(feed: Feed = asked) -> Response:
        if kiosk:
            return _nothing_is_saved()
        frame = feed.hub.newest
        if frame is None:
            return no_picture_yet()
        return Response(frame.jpeg, media_type="image/jpeg", headers=NO_STORE)

    # No coroutine: to encode a large picture takes long, which the event loop must not wait for.
    @router.get("/snapshot")
    def snapshot(feed: Feed = asked) -> Response:
        if kiosk:
            return _nothing_is_saved()
        frame = feed.hub.newest
        if frame is None:
            return no_picture_yet()
        taken = take_snapshot(feed.name, frame, session.explainer)
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{taken.name}.zip"'}
        return Response(taken.as_zip(), media_type="application/zip", headers=headers)

    @router.get("/frame.jpg")
    async def frame(after: int = -1, feed: Feed = asked) -> Response:
        with feed.hub.watch() as viewer:
            newest = await viewer.next_frame(after, _POLL_LIMIT_S)
        return _picture(session, feed, newest)

    @router.get("/stream.mjpg")
    async def stream(feed: Feed = asked) -> Response:
        media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        return StreamingResponse(_parts(feed), media_type=media_type, headers=NO_STORE)

    if session.visitors is not None:
        _add_visits(router, session, session.visitors)

    _add_scripts(router)

    @router.websocket("/frames")
    async def frames(websocket: WebSocket, feed: int = 0, visitor: VisitorKey = "") -> None:
        await websocket.accept()
        if session.visitors is not None:
            await _visit(websocket, session, session.visitors, visitor)
        elif 0 <= feed < len(session.feeds):
            await Conversation(websocket, session, session.feeds[feed]).run()
        else:
            await websocket.close()

    return router


def _add_scripts(router: APIRouter) -> None:
    for script in _STATIC.glob("*.js"):
        router.add_api_route(f"/{script.name}", _gives(script))


def _gives(script: Path) -> Callable[[], Response]:
    return lambda: FileResponse(script, headers=_REVALIDATE)


def _nothing_is_saved() -> Response:
    return PlainTextResponse("In a kiosk nothing is saved.", 403)


def _picture(session: Session, feed: Feed, frame: EncodedFrame | None) -> Response:
    """Answers with a picture and its words, or with the words alone when there is none."""
    words = state_words(session, feed) if frame is None else picture_words(session, feed, frame)
    headers = {**NO_STORE, "X-Live-Cam": json.dumps(words)}
    if frame is None:
        return Response(status_code=204, headers=headers)
    return Response(frame.jpeg, media_type="image/jpeg", headers=headers)


def _full(visitors: Visitors) -> str:
    return f"All {visitors.most} places are taken; this page tries again until one is free"


def _add_visits(router: APIRouter, session: Session, visitors: Visitors) -> None:
    """Adds the way for visitors whose WebSockets don't pass."""
    visits = PostedVisits(visitors)

    @router.post("/visit")
    async def visit(
        request: Request, visitor: VisitorKey, age_ms: Annotated[float, Query(ge=0, le=2000)] = 0
    ) -> Response:
        feed = visits.join(visitor)
        if feed is None:
            return PlainTextResponse(_full(visitors), 503)
        jpeg = await limited_body(request, PICTURE_LIMIT_BYTES)
        if jpeg is None:
            return PlainTextResponse("The picture is too large.", 413)
        try:
            frame = await visits.explain(feed, jpeg, age_ms)
        except SourceError as error:
            return PlainTextResponse(str(error), 400)
        return _picture(session, feed, frame)


async def _visit(websocket: WebSocket, session: Session, visitors: Visitors, key: str) -> None:
    """Talks with a visitor who shows a camera, if there is room for one more."""
    feed = visitors.join(key)
    if feed is None:
        await websocket.send_bytes(pack({"source": "", "state": "ended", "message": _full(visitors), "fps": 0.0}))
        await websocket.close(_TRY_AGAIN_LATER)
        return
    try:
        await Conversation(websocket, session, feed, VisitorCamera(feed, session)).run()
    finally:
        visitors.leave(feed)


async def _parts(feed: Feed) -> AsyncIterator[bytes]:
    """Gives each picture, followed at once by the next part's header: Chromium paints a part only when it sees that."""
    part = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
    seq = -1
    yield part
    with feed.hub.watch() as viewer:
        while not feed.hub.closed:
            frame = await viewer.next_frame(seq, _POLL_LIMIT_S)
            if frame is not None:
                seq = frame.seq
                yield frame.jpeg + b"\r\n" + part
