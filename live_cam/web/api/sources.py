"""Routes that list the sources, show another one, and take a picture or a video to show."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.errors import SourceError, UsageError
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.sources.upload import MAX_UPLOAD_BYTES, UploadSource
from live_cam.web.api.dependencies import NO_STORE, address_of, feed_dependency, limited_body
from live_cam.web.security.access import is_loopback

_MAX_ID_LENGTH = 64
_MAX_NAME_LENGTH = 1024


def source_routes(session: Session, is_behind_proxy: bool = False) -> APIRouter:
    """Returns the routes for one session, whose viewers all see what one of them chooses.

    A camera that nobody has named at the start is turned on from this machine alone: who was given the address of a
    demo is not to look into the room.

    Args:
        session: The session.
        is_behind_proxy: Whether requests that come from this machine may be others'.
    """
    router = APIRouter()
    get_feed = feed_dependency(session)
    uploading = asyncio.Semaphore()  # of one: what is being received is in memory

    def get_shared_feed(feed: int = 0) -> Feed:
        return get_feed(feed, "")

    feed_of_request = Depends(get_shared_feed)

    # Not coroutines: cameras take their time.
    @router.get("/sources")
    def sources(request: Request, feed: Feed = feed_of_request) -> Response:
        return respond(request, feed)

    @router.post("/source")
    def choose(
        request: Request, source: Annotated[str, Query(max_length=_MAX_ID_LENGTH)], feed: Feed = feed_of_request
    ) -> Response:
        try:
            session.switch.choose(feed, source, is_local(request))
        except (SourceError, UsageError) as error:
            return PlainTextResponse(str(error), 409)
        return respond(request, feed)

    @router.post("/source/file")
    async def upload(
        request: Request, name: Annotated[str, Query(max_length=_MAX_NAME_LENGTH)] = "", feed: Feed = feed_of_request
    ) -> Response:
        if uploading.locked():
            return PlainTextResponse("Another file is being sent; try again in a moment.", 409)
        async with uploading:
            data = await limited_body(request, MAX_UPLOAD_BYTES)
            if data is None:
                limit = f"{MAX_UPLOAD_BYTES >> 20} MiB"
                return PlainTextResponse(f"The file is larger than {limit}; send a smaller one, or a part of it.", 413)
            if not data:
                return PlainTextResponse("The file is empty; send a picture or a video.", 400)
            try:
                await asyncio.to_thread(session.switch.show_upload, feed, UploadSource(data, name, session.clock))
            except UsageError as error:
                return PlainTextResponse(str(error), 409)
            except SourceError as error:
                return PlainTextResponse(str(error), 400)
        return respond(request, feed)

    def is_local(request: Request) -> bool:
        return not is_behind_proxy and is_loopback(address_of(request))

    def respond(request: Request, feed: Feed) -> Response:
        """Returns what may be shown, and whether the demo is shown since no camera was found."""
        content = {
            "sources": [asdict(choice) for choice in session.switch.choices(feed, is_local(request))],
            "in_place_of_camera": session.switch.is_in_place_of_camera(feed),
            "max_upload_bytes": MAX_UPLOAD_BYTES,
        }
        return JSONResponse(content, headers=NO_STORE)

    return router
