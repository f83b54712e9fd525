"""What the routes share: feed and settings of a request, bodies, results of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, TypeVar

from fastapi import HTTPException, Query, Request, Response
from fastapi.requests import HTTPConnection
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.visitors import MAX_CLIENT_ID_LENGTH, Visitors
from live_cam.web.security.token_check import is_anonymous

ClientId = Annotated[str, Query(max_length=MAX_CLIENT_ID_LENGTH)]
NO_STORE = {"Cache-Control": "no-store"}
_T = TypeVar("_T")


def feed_dependency(session: Session) -> Callable[[int, str], Feed]:
    """Returns the dependency for the feed of a request."""

    def get_feed(feed: int = 0, visitor: str = "") -> Feed:
        """Returns the feed of that visitor, or else the one with that number."""
        if visitor or not session.feeds:
            own = None if session.visitors is None else session.visitors.find(visitor)
            if own is None:
                raise HTTPException(404, "Visitors see only their own camera, on the page.")
            return own
        if not 0 <= feed < len(session.feeds):
            raise HTTPException(404, f"There is no feed {feed}; there are {len(session.feeds)}, counted from 0.")
        return session.feeds[feed]

    return get_feed


def visitors_of(session: Session, visitor: str) -> Visitors | None:
    """Returns the visitors if a request is about what is a visitor's own, None if about what all viewers share."""
    return None if session.feeds and not visitor else session.visitors


def settings_dependency(session: Session) -> Callable[[str], SettingsStore]:
    """Returns the dependency for the settings of a request: the visitor's or, without one, those of all feeds."""

    def get_settings(visitor: ClientId = "") -> SettingsStore:
        visitors = visitors_of(session, visitor)
        return session.settings if visitors is None else visitors.settings(visitor)

    return get_settings


def health_response(request: Request, unhealthy_reason: str) -> Response:
    """Returns the status, 503 with a reason, which only those with access are told, or 200."""
    status = 503 if unhealthy_reason else 200
    if is_anonymous(request.scope):
        return Response(status_code=status)
    return PlainTextResponse(unhealthy_reason or "ok", status)


def address_of(connection: HTTPConnection) -> str:
    """Returns the address of a client; empty if it is unknown."""
    return "" if connection.client is None else connection.client.host


async def limited_body(request: Request, limit_bytes: int) -> bytes | None:
    """Returns the body of a request, or None if it exceeds the limit; one that is announced as longer is not read.

    Raises:
        HTTPException: The client has disconnected, so nobody will see the response.
    """
    if int(request.headers.get("content-length", 0)) > limit_bytes:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit_bytes:
                return None
    except ClientDisconnect:
        raise HTTPException(400, "The body is incomplete.") from None
    return bytes(body)


async def task_result(future: Future[_T]) -> _T:
    """Waits for a task of the worker and returns its result.

    Raises:
        HTTPException: 503 if there are too many tasks, the session is stopping, or the explainer fails.
    """
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if not future.cancelled():
            raise
        raise HTTPException(503, "Too many requests; try again in a moment.") from None
    except Exception as error:
        raise HTTPException(503, f"The explanation failed: {error}") from None
