"""Routes that teach classes: examples and what was learnt from them, actions, pictures, and files to keep."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.errors import LiveCamError
from live_cam.models.taught_export import export_keras
from live_cam.pipeline.session import Session
from live_cam.pipeline.teaching import Teaching
from live_cam.web.api.dependencies import NO_STORE, ClientId, limited_body, visitors_of

_ACTION_LIMIT_BYTES: Final = 1024

_ACTIONS: Final[dict[str, tuple[Callable[..., object], dict[str, type]]]] = {
    "add": (Teaching.add_class, {"label": str}),
    "rename": (Teaching.rename, {"class": int, "label": str}),
    "remove": (Teaching.remove, {"class": int}),
    "clear": (Teaching.clear, {"class": int}),
    "start": (Teaching.start, {"class": int}),
    "stop": (Teaching.stop, {}),
    "undo": (Teaching.undo, {}),
    "reset": (Teaching.reset, {}),
    "use": (Teaching.use, {"taught": bool}),
}
"""What a page may ask for, with the further keys of the request, in the order of the arguments."""
_KIOSK_ACTIONS: Final = frozenset({"start", "stop", "reset"})


def teaching_routes(session: Session, kiosk: bool = False) -> APIRouter:
    """Returns the routes for one session; each visitor teaches classes of their own.

    In a kiosk the classes are given, and nothing is saved.
    """
    router = APIRouter()
    exporting = asyncio.Semaphore(1)  # which builds the network in a process with two gigabytes

    def get_teaching(visitor: ClientId = "") -> Teaching:
        visitors = visitors_of(session, visitor)
        teaching = session.teaching if visitors is None else visitors.teaching(visitor)
        if teaching is None:
            raise HTTPException(404, "Two models can't be taught side by side; start live-cam with one.")
        return teaching

    teaching_of_request = Depends(get_teaching)

    @router.get("/teach")
    def state(teaching: Teaching = teaching_of_request) -> Response:
        return JSONResponse(teaching.describe(), headers=NO_STORE)

    @router.post("/teach")
    async def act(request: Request, teaching: Teaching = teaching_of_request) -> Response:
        text = await limited_body(request, _ACTION_LIMIT_BYTES)
        if text is None:
            return PlainTextResponse("The request is too long for an action.", 413)
        try:
            action, function, arguments = _parse(text)
            if kiosk and action not in _KIOSK_ACTIONS:
                return PlainTextResponse("In a kiosk classes are shown, and nothing else about them is changed.", 403)
            function(teaching, *arguments)
        except (ValueError, RecursionError) as error:  # a UsageError is one
            return PlainTextResponse(str(error), 400)
        return JSONResponse(teaching.describe(), headers=NO_STORE)

    @router.get("/teach/pictures/{take}/{index}.jpg")
    def picture(take: int, index: int, teaching: Teaching = teaching_of_request) -> Response:
        try:
            return Response(teaching.picture(take, index), media_type="image/jpeg", headers=NO_STORE)
        except LiveCamError as error:
            return PlainTextResponse(str(error), 404)

    if kiosk:
        return router

    @router.get("/teach/mine.npz")
    def head(teaching: Teaching = teaching_of_request) -> Response:
        data = io.BytesIO()
        try:
            teaching.require_taught().head.write(data)
        except LiveCamError as error:
            return PlainTextResponse(str(error), 409)
        return _download(data.getvalue(), "mine.npz")

    @router.get("/teach/examples.zip")
    def examples(teaching: Teaching = teaching_of_request) -> Response:
        try:
            return _download(teaching.as_zip(), "examples.zip")
        except LiveCamError as error:
            return PlainTextResponse(str(error), 409)

    @router.get("/teach/mine.keras")
    async def keras(teaching: Teaching = teaching_of_request) -> Response:
        async with exporting:
            try:
                taught = teaching.require_taught()
                return _download(await asyncio.to_thread(_export, session, taught.head), "mine.keras")
            except LiveCamError as error:
                return PlainTextResponse(str(error), 409)

    return router


def _parse(text: bytes) -> tuple[str, Callable[..., object], list[Any]]:
    """Returns an action, its function and the arguments.

    Raises:
        ValueError: There is none of that name, or its arguments are others.
    """
    request = json.loads(text)
    if not isinstance(request, dict) or request.get("action") not in _ACTIONS:
        raise ValueError(f"the body is a JSON object with an action, one of {', '.join(_ACTIONS)}")
    action = request.pop("action")
    function, names = _ACTIONS[action]
    if request.keys() != names.keys() or any(type(request[name]) is not kind for name, kind in names.items()):
        wanted = ", ".join(f"{name} ({kind.__name__})" for name, kind in names.items())
        raise ValueError(f"this action takes {wanted or 'nothing else'}")
    return action, function, [request[name] for name in names]


def _export(session: Session, head: Any) -> bytes:
    with TemporaryDirectory(prefix="live_cam-") as folder:
        path = Path(folder) / "mine.keras"
        export_keras(session.explainer.model, head, path)
        return path.read_bytes()


def _download(data: bytes, name: str) -> Response:
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/octet-stream", headers=headers)
