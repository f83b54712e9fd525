"""The routes of the page's recording: its begin, its end, and its files once they are whole."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from live_cam.errors import LiveCamError
from live_cam.pipeline.session import Session
from live_cam.sinks.recorder import View
from live_cam.web.asked import NO_STORE


def recording_routes(session: Session) -> APIRouter:
    """Makes the routes for one session, whose recording all viewers share."""
    router = APIRouter()

    # No coroutines: disks may be slow, and the event loop must not wait for them.
    @router.post("/recordings")
    def start(view: View = "seen") -> Response:
        try:
            session.start_recording(view)
        except LiveCamError as error:
            return PlainTextResponse(str(error), 409)
        return _status(session)

    @router.post("/recordings/stop")
    def stop() -> Response:
        session.stop_recording()
        return _status(session)

    @router.get("/recordings/{name}")
    def recorded(name: str) -> Response:
        path = session.recorded_file(name)
        if path is None:
            return PlainTextResponse("There is no finished recording of that name; the page lists those that are.", 404)
        return FileResponse(path, filename=path.name, headers=NO_STORE)

    return router


def _status(session: Session) -> Response:
    return JSONResponse(session.describe_recording(), headers=NO_STORE)
