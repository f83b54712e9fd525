"""The page's scripts, under a path that changes with them, so that browsers keep them without asking again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse

_SCRIPTS = sorted(Path(__file__).with_name("static").glob("*.js"))
_KEEP = {"Cache-Control": "private, max-age=31536000, immutable"}

FOLDER: Final = f"scripts/{hashlib.sha256(b''.join(script.read_bytes() for script in _SCRIPTS)).hexdigest()[:16]}/"
"""Where the scripts are, seen from the page."""


def script_routes() -> APIRouter:
    """Returns a route for each script."""
    router = APIRouter()
    for script in _SCRIPTS:
        router.add_api_route(f"/{FOLDER}{script.name}", _send_file(script))
    return router


def _send_file(script: Path) -> Callable[[], FileResponse]:
    return lambda: FileResponse(script, headers=_KEEP)  # without parameters, which FastAPI would take from the query
