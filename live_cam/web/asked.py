"""Whose picture a request asks about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, TypeVar

from fastapi import HTTPException, Query, Request

from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.pipeline.visitors import LONGEST_KEY

VisitorKey = Annotated[str, Query(max_length=LONGEST_KEY)]
NO_STORE = {"Cache-Control": "no-store"}
_Answer = TypeVar("_Answer")


def feed_asked_for(session: Session) -> Callable[[int, str], Feed]:
    """Makes the dependency that gives a request's feed."""

    def asked_for(feed: int = 0, visitor: str = "") -> Feed:
        """Gives the feed with that number or, where everybody brings a camera, that of the visitor who asks."""
        if session.visitors is not None:
            own = session.visitors.find(visitor)
            if own is None:
                raise HTTPException(404, "Everybody sees the picture of their own camera alone, on the page.")
            return own
        if not 0 <= feed < len(session.feeds):
            raise HTTPException(404, f"There is no feed {feed}; there are {len(session.feeds)}, counted from 0.")
        return session.feeds[feed]

    return asked_for


def controls_asked_for(session: Session) -> Callable[[str], Controls]:
    """Makes the dependency that gives a request's controls: everybody's or, where all bring cameras, the visitor's."""

    def asked_for(visitor: VisitorKey = "") -> Controls:
        return session.controls if session.visitors is None else session.visitors.controls(visitor)

    return asked_for


async def limited_body(request: Request, limit_bytes: int) -> bytes | None:
    """Reads what was sent; None as soon as it is longer than it may be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return body


async def answered(answer: Future[_Answer]) -> _Answer:
    """Waits for what was put to the network aside.

    Raises:
        HTTPException: 503, since too many ask, live_cam is ending, or explaining fails, which the worker tells of.
    """
    try:
        return await asyncio.wrap_future(answer)
    except asyncio.CancelledError:
        if not answer.cancelled():
            raise
        raise HTTPException(503, "Too much is asked at once; ask again in a moment.") from None
    except Exception as error:
        raise HTTPException(503, f"It could not be explained: {error}") from None
