"""Routes of the frames (WebSocket, long polling, MJPEG), snapshots, statistics and health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from live_cam.errors import SourceError
from live_cam.pipeline.broadcast import FrameKey
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.pipeline.snapshot import take_snapshot
from live_cam.pipeline.visitors import Visitors
from live_cam.types import EncodedFrame
from live_cam.web.api.analysis import no_frame_yet
from live_cam.web.api.dependencies import (
    NO_STORE,
    ClientId,
    address_of,
    feed_dependency,
    health_response,
    limited_body,
    task_result,
)
from live_cam.web.api.operator_metrics import operator_metrics
from live_cam.web.api.shared_messages import SharedMessages
from live_cam.web.api.viewer_connection import ViewerConnection
from live_cam.web.api.visitor_http import HttpVisitorTransport
from live_cam.web.api.visitor_websocket import VisitorCamera, refuse
from live_cam.web.security.token_check import HEALTH_PATH

_POLL_LIMIT_S = 2.0
_BOUNDARY = "frame"
IMAGE_LIMIT_BYTES = 2**21


def frame_routes(session: Session, kiosk: bool = False) -> APIRouter:
    """Returns the routes for one session; a kiosk's save nothing."""
    router = APIRouter()
    feed_of_request = Depends(feed_dependency(session))
    messages = SharedMessages(session)
    registry = operator_metrics(session)

    @router.get(HEALTH_PATH)
    def healthz(request: Request) -> Response:
        return health_response(request, session.unhealthy_reason)

    @router.get("/stats")
    def stats() -> Response:
        return JSONResponse(session.describe(), headers=NO_STORE)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), headers={**NO_STORE, "Content-Type": CONTENT_TYPE_LATEST})

    if not kiosk:

        @router.post("/retry")
        def retry(feed: Feed = feed_of_request) -> Response:
            feed.watchdog.retry()
            return Response(status_code=204)

    @router.get("/snapshot.jpg")
    def snapshot_jpg(feed: Feed = feed_of_request) -> Response:
        if kiosk:
            return _saving_is_disabled()
        frame = feed.broadcaster.newest
        if frame is None:
            return no_frame_yet()
        return Response(frame.jpeg, media_type="image/jpeg", headers=NO_STORE)

    @router.get("/snapshot")
    async def snapshot(feed: Feed = feed_of_request) -> Response:
        if kiosk:
            return _saving_is_disabled()
        frame = feed.broadcaster.newest
        if frame is None:
            return no_frame_yet()
        alone = await task_result(session.explain_alone(feed, frame))
        taken = take_snapshot(feed.name, alone, session.explainers_of(feed))
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{taken.name}.zip"'}
        return Response(await asyncio.to_thread(taken.as_zip), media_type="application/zip", headers=headers)

    @router.get("/frame.jpg")
    async def frame(after: int = -1, revision: int | None = None, feed: Feed = feed_of_request) -> Response:
        newest = feed.broadcaster.newest
        if revision is None:  # any revision of that frame
            revision = newest.frame.revision if newest is not None and newest.seq == after else 0
        with feed.broadcaster.watch() as viewer:
            newest = await viewer.next_frame((after, revision), _POLL_LIMIT_S)
        return _frame_response(messages, feed, newest)

    @router.get("/stream.mjpg")
    async def stream(request: Request, feed: Feed = feed_of_request) -> Response:
        media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        # A body is sent to nobody who asks for the head, but would have no end.
        parts = () if request.method == "HEAD" else _multipart(feed)
        return StreamingResponse(parts, media_type=media_type, headers=NO_STORE)

    if session.visitors is not None:
        _add_visit_route(router, session, session.visitors, messages)

    @router.websocket("/frames")
    async def frames(websocket: WebSocket, feed: int = 0, visitor: ClientId = "") -> None:
        await websocket.accept()
        is_visitor = bool(visitor) or not session.feeds
        if is_visitor and session.visitors is not None:
            await _visit(websocket, session, session.visitors, visitor, messages)
        elif not is_visitor and 0 <= feed < len(session.feeds):
            await ViewerConnection(websocket, session, session.feeds[feed], messages).run()
        else:
            await websocket.close()

    return router


def _saving_is_disabled() -> Response:
    return PlainTextResponse("A kiosk saves nothing.", 403)


def _frame_response(messages: SharedMessages, feed: Feed, frame: EncodedFrame | None) -> Response:
    """Returns an overlay with its payload in a header, or the state alone if there is none."""
    text = messages.state_text(feed) if frame is None else messages.frame_text(feed, frame)
    headers = {**NO_STORE, "X-Live-Cam": text.decode("ascii")}
    if frame is None:
        return Response(status_code=204, headers=headers)
    return Response(frame.jpeg, media_type="image/jpeg", headers=headers)


def _add_visit_route(router: APIRouter, session: Session, visitors: Visitors, messages: SharedMessages) -> None:
    """Adds the route for visitors whose browser refuses WebSockets."""
    transport = HttpVisitorTransport(visitors, session.clock)

    @router.post("/visit")
    async def visit(
        request: Request, visitor: ClientId, age_ms: Annotated[float, Query(ge=0, le=2000)] = 0
    ) -> Response:
        feed = transport.join(visitor, address_of(request))
        if feed is None:
            return PlainTextResponse(visitors.refusal(visitor), 503)
        jpeg = await limited_body(request, IMAGE_LIMIT_BYTES)
        if jpeg is None:
            return PlainTextResponse("The image is too large.", 413)
        try:
            frame = await transport.explain(feed, jpeg, age_ms)
        except SourceError as error:
            return PlainTextResponse(str(error), 400)
        return _frame_response(messages, feed, frame)


async def _visit(
    websocket: WebSocket, session: Session, visitors: Visitors, client_id: str, messages: SharedMessages
) -> None:
    """Serves a visitor with a camera, if there is room for one more."""
    feed = visitors.join(client_id, address_of(websocket))
    if feed is None:
        await refuse(websocket, visitors.refusal(client_id))
        return
    try:
        camera = VisitorCamera(feed, session, visitors)
        await ViewerConnection(websocket, session, feed, messages, camera).run()
    finally:
        visitors.leave(feed)


async def _multipart(feed: Feed) -> AsyncIterator[bytes]:
    """Yields each overlay with the next part's header: Chromium paints a part only once it has received that."""
    part = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
    shown: FrameKey | None = None
    yield part
    with feed.broadcaster.watch() as viewer:
        while not feed.broadcaster.closed:
            frame = await viewer.next_frame(shown, _POLL_LIMIT_S)
            if frame is not None:
                shown = frame.key
                yield frame.jpeg + b"\r\n" + part
