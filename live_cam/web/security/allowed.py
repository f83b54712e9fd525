"""What may be requested: our own routes and, of Gradio's, those that the page requests.

Gradio has some 80 routes more, which take uploads, run FFmpeg and write files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_POLICY_VIOLATION = 1008

PAGE_PATHS: Final = frozenset(
    {"/", "/assets/{path:path}", "/static/{path:path}", "/theme.css", "/manifest.json", "/favicon.ico"}
)
"""The paths of Gradio's routes that a browser requests to show the page, the same in all modes."""


class AllowedRoutes:
    """ASGI middleware that lets requests pass if their path and method are a route's, before any body is read."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = list(routes)

    def allow(self, routes: Iterable[BaseRoute]) -> None:
        """Lets requests pass to further routes; any thread may call it."""
        self._routes = [*self._routes, *routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards the request, or responds that there is no such path (404) or method (405)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        copy = dict(scope)  # in which routes may leave notes
        matches = [(route, route.matches(copy)[0]) for route in self._routes]
        if any(match is Match.FULL for _, match in matches):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            methods = {
                method
                for route, match in matches
                if match is Match.PARTIAL and isinstance(route, Route)
                for method in route.methods or ()
            }
            await _refusal(scope["method"], methods)(scope, receive, send)


def _refusal(method: str, allowed: set[str]) -> PlainTextResponse:
    if not allowed:
        return PlainTextResponse("There is nothing at this path.", 404)
    allow = ", ".join(sorted(allowed))
    return PlainTextResponse(f"{method} is not possible here; {allow} is.", 405, {"Allow": allow})


def page_routes(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Returns those of Gradio's routes that the page requests."""
    return [route for route in routes if isinstance(route, Route) and route.path in PAGE_PATHS]


def add_head(routes: Iterable[BaseRoute]) -> None:
    """Has routes respond to HEAD as well as to GET: those of FastAPI do not by themselves."""
    for route in routes:
        if isinstance(route, Route) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")
