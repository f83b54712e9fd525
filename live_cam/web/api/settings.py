"""Routes that read and change the settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, get_args

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.errors import UnknownLabelError
from live_cam.explain.saliency.methods import METHODS
from live_cam.models.labels import find_label, search_names
from live_cam.pipeline.session import Session
from live_cam.pipeline.settings import SettingsStore
from live_cam.render.colormaps import COLORMAPS
from live_cam.types import CLASSLESS_METHODS, Style
from live_cam.web.api.dependencies import NO_STORE, limited_body, settings_dependency

_CHANGE_LIMIT_BYTES = 4096
_CLASSES = ("target", "other")
_RECIPRO_CAM_NOTE = "Recipro-CAM, as with all methods but Eigen-CAM: this file has no gradients."
MAX_LISTED: Final = 2000
"""Of classes in a list: a browser takes a minute and more to build one of tens of thousands."""
KIOSK_SETTINGS: Final = frozenset({"target"})
"""The settings that viewers of a kiosk may change."""


def settings_routes(session: Session, kiosk: bool) -> APIRouter:
    """Returns the routes for one session."""
    router = APIRouter()
    settings_of_request = Depends(settings_dependency(session))

    @router.get("/settings")
    def settings(store: SettingsStore = settings_of_request) -> Response:
        return _response(store)

    @router.get("/choices")
    def choices(store: SettingsStore = settings_of_request) -> Response:
        return JSONResponse(_choices(session, store), headers=NO_STORE)

    @router.patch("/settings")
    async def change(request: Request, store: SettingsStore = settings_of_request) -> Response:
        text = await limited_body(request, _CHANGE_LIMIT_BYTES)
        if text is None:
            return PlainTextResponse("The request is too long for a change of settings.", 413)
        try:
            changes = json.loads(text)
            if not isinstance(changes, dict):
                raise ValueError("the body is not a JSON object of settings")
            if kiosk and not changes.keys() <= KIOSK_SETTINGS:
                return PlainTextResponse("In a kiosk only the class can be changed.", 403)
            store.change(**{name: _parse(name, value, store.labels) for name, value in changes.items()})
        except (ValueError, RecursionError, UnknownLabelError) as error:
            return PlainTextResponse(str(error), 400)
        return _response(store)

    return router


def _choices(session: Session, store: SettingsStore) -> dict[str, Any]:
    """Returns the values of the settings that have a list of them, and under "notes" what some mean."""
    notes = {name: method.note for name, method in METHODS.items()}
    if session.explainer.classifier.explained_by == "recipro-cam":
        notes |= {name: _RECIPRO_CAM_NOTE for name in METHODS if name not in CLASSLESS_METHODS}
    return {
        "mode": session.modes,
        "class": search_names(store.labels) if len(store.labels) <= MAX_LISTED else [],
        "layer": list(store.layers),
        "method": list(METHODS),
        "style": list(get_args(Style)),
        "colormap": list(COLORMAPS),
        "notes": {"layer": session.layers, "method": notes},
    }


def _parse(name: str, value: Any, labels: Sequence[str]) -> Any:
    """Returns a value, and the index of a class given by its label."""
    return find_label(value, labels) if name in _CLASSES and isinstance(value, str) else value


def _response(store: SettingsStore) -> Response:
    """Returns the current settings, and under "start" those of the start."""
    labels = store.labels
    settings = {**_with_labels(store.describe(), labels), "start": _with_labels(asdict(store.initial), labels)}
    return JSONResponse(settings, headers=NO_STORE)


def _with_labels(settings: dict[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Adds the labels of the classes."""
    chosen = {name: settings[name] for name in _CLASSES}
    return settings | {f"{name}_label": None if index is None else labels[index] for name, index in chosen.items()}
