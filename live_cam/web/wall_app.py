"""The wall: all cameras of a cluster as small pictures, and each large on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from live_cam.cluster.shown import Picture
from live_cam.cluster.wall import Wall
from live_cam.web.api.dependencies import NO_STORE, health_response
from live_cam.web.api.messages import encode, pack_text
from live_cam.web.security.access import AccessGuard
from live_cam.web.security.allowed import AllowedRoutes, add_head
from live_cam.web.security.headers import page_policy
from live_cam.web.security.token_check import HEALTH_PATH
from live_cam.web.ui.scripts import script_routes
from live_cam.web.ui.wall_page import wall_page

_MAX_PICTURES: Final = 400
_POLL_LIMIT_S: Final = 2.0
_CHECK_EVERY_S: Final = 0.05


class WallApp:
    """The ASGI app of a wall."""

    def __init__(self, wall: Wall, host: str, token: str | None, extra_hosts: Collection[str] = ()) -> None:
        """Builds the page; see `AccessGuard` for the arguments."""
        routers = [script_routes(), _routes(wall)]
        routes = [route for router in routers for route in router.routes]
        add_head(routes)
        app = FastAPI(openapi_url=None)
        for router in routers:
            app.include_router(router)
        self._guard = AccessGuard(AllowedRoutes(app, routes), host, token, extra_hosts, wall.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to a request, if it has access."""
        await self._guard(scope, receive, send)


def _routes(wall: Wall) -> APIRouter:
    router = APIRouter()
    page = wall_page(len(wall.names))
    page_headers = {**NO_STORE, "Content-Security-Policy": page_policy(page.encode())}

    @router.get("/")
    def root() -> Response:
        return HTMLResponse(page, headers=page_headers)

    @router.get(HEALTH_PATH)
    def healthz(request: Request) -> Response:
        return health_response(request, wall.unhealthy_reason)

    @router.get("/wall")
    def small_pictures(
        first: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=0, le=_MAX_PICTURES)] = 0,
        after: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """Returns the state of the cameras in a range, and their pictures newer than a version; at once.

        Those who waited for pictures would not learn that a worker is lost, and there are none.
        """
        numbers = range(min(first, len(wall.names)), min(first + count, len(wall.names)))
        wall.small.want(numbers)
        found = wall.small.newer(numbers, after)
        reports = wall.reports
        states = [report.state for report in reports.values()]
        header = {
            "version": max([after, *(picture.version for picture in found.values())]),
            "live": states.count("live"),
            "notice": wall.notice,
            "cameras": [_describe(wall, number, reports[number], found.get(number)) for number in numbers],
        }
        jpegs = b"".join(found[number].jpeg for number in numbers if number in found)
        return Response(pack_text(encode(header), jpegs), media_type="application/octet-stream", headers=NO_STORE)

    @router.get("/large.jpg")
    async def large_picture(camera: int = 0, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """Returns a camera's overlay in its own size, newer than a version; its state alone if there is none."""
        if not 0 <= camera < len(wall.names):
            raise HTTPException(404, f"There is no camera {camera}; there are {len(wall.names)}, counted from 0.")
        picture = await _newer_large(wall, camera, after)
        described = _describe(wall, camera, wall.reports[camera], picture)
        version = after if picture is None else picture.version
        headers = {**NO_STORE, "X-Live-Cam": json.dumps({**described, "version": version})}
        if picture is None:
            return Response(status_code=204, headers=headers)
        return Response(picture.jpeg, media_type="image/jpeg", headers=headers)

    return router


async def _newer_large(wall: Wall, camera: int, after: int) -> Picture | None:
    """Waits for a picture newer than a version; returns None after a while."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _POLL_LIMIT_S
    while True:
        wall.large.want([camera])
        found = wall.large.newer([camera], after).get(camera)
        if found is not None or loop.time() >= end_s:
            return found
        await asyncio.sleep(_CHECK_EVERY_S)


def _describe(wall: Wall, number: int, report: Any, picture: Picture | None) -> dict[str, Any]:
    return {
        "number": number,
        "name": wall.names[number],
        "state": report.state,
        "message": report.message,
        "label": report.label,
        "probability": round(report.probability, 4),
        "age_ms": report.age_ms,
        "fps": report.fps,
        "bytes": 0 if picture is None else len(picture.jpeg),
    }
