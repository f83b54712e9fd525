"""The route of what viewers may turn: read, and changed in part."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.errors import UnknownLabelError
from live_cam.explain.labels import find_label, imagenet_labels
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.session import Session
from live_cam.web.asked import NO_STORE, controls_asked_for, limited_body

_CHANGE_LIMIT_BYTES = 4096
_CLASSES = ("target", "other")
KIOSK_SETTINGS: Final = frozenset({"target"})
"""What visitors of a kiosk may turn."""


def settings_routes(session: Session, kiosk: bool) -> APIRouter:
    """Makes the routes for one session."""
    router = APIRouter()
    asked = Depends(controls_asked_for(session))

    @router.get("/settings")
    def settings(controls: Controls = asked) -> Response:
        return _told(controls)

    @router.patch("/settings")
    async def change(request: Request, controls: Controls = asked) -> Response:
        text = await limited_body(request, _CHANGE_LIMIT_BYTES)
        if text is None:
            return PlainTextResponse("That is more than there are settings.", 413)
        try:
            changes = json.loads(text)
            if not isinstance(changes, dict):
                raise ValueError("give an object of settings")
            if kiosk and not changes.keys() <= KIOSK_SETTINGS:
                return PlainTextResponse("In a kiosk the class alone can be chosen.", 403)
            controls.change(**{name: _plain(name, value) for name, value in changes.items()})
        except (ValueError, RecursionError, UnknownLabelError) as error:
            return PlainTextResponse(str(error), 400)
        return _told(controls)

    return router


def _plain(name: str, value: Any) -> Any:
    """Takes classes by name, too."""
    return find_label(value) if name in _CLASSES and isinstance(value, str) else value


def _told(controls: Controls) -> Response:
    """Tells the settings in force, and under "start" those of the start."""
    told = {**_named(controls.describe()), "start": _named(asdict(controls.initial))}
    return JSONResponse(told, headers=NO_STORE)


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    """Adds the names of the classes."""
    labels = {
        f"{name}_label": None if settings[name] is None else imagenet_labels()[settings[name]] for name in _CLASSES
    }
    return settings | labels
