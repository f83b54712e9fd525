"""Routes that start and stop the recording, and download its files once they are complete."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from live_cam.errors import LiveCamError
from live_cam.pipeline.session import Session
from live_cam.sinks.view import View
from live_cam.web.api.dependencies import NO_STORE


def recording_routes(session: Session) -> APIRouter:
    """Returns the routes for one session, whose recording all viewers share."""
    router = APIRouter()

    # Not coroutines: a slow disk would block the event loop.
    @router.post("/recordings")
    def start(view: View = "overlay") -> Response:
        try:
            session.recordings.start(view)
        except LiveCamError as error:
            return PlainTextResponse(str(error), 409)
        return _status(session)

    @router.post("/recordings/stop")
    def stop() -> Response:
        session.recordings.stop()
        return _status(session)

    @router.get("/recordings/{name}")
    def download(name: str) -> Response:
        path = session.recordings.find_file(name)
        if path is None:
            return PlainTextResponse("There is no finished recording of that name; the page lists them.", 404)
        return FileResponse(path, filename=name, headers=NO_STORE)

    return router


def _status(session: Session) -> Response:
    return JSONResponse(session.recordings.describe(), headers=NO_STORE)
