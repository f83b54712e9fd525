"""The routes that ask more about the picture shown: the maps of the top three, and what a hidden place costs."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, replace
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.explain.explainer import Explain
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.occlusion import hide, square
from live_cam.explain.probabilities import probabilities
from live_cam.frame import EncodedFrame, Explanation, Target
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.poster import stand_in
from live_cam.pipeline.session import Session
from live_cam.render.panes import thumbnails
from live_cam.sinks.jpeg import encode_jpeg
from live_cam.web.asked import NO_STORE, answered, feed_asked_for

# Whoever asks within this time is given the same picture, so that many viewers cost what one does.
_SAME_FOR_ALL_S = 0.25

Place = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]


def asking_routes(session: Session) -> APIRouter:
    """Makes the routes for one session."""
    router = APIRouter()
    asked = Depends(feed_asked_for(session))
    lately: WeakKeyDictionary[Feed, tuple[float, asyncio.Task[tuple[bytes, str]]]] = WeakKeyDictionary()

    @router.get("/top.jpg")
    async def top(feed: Feed = asked) -> Response:
        made_s, made = lately.get(feed, (0.0, None))
        shown = feed.hub.newest
        if shown is None:
            return no_picture_yet()
        if made is None or made_s + _SAME_FOR_ALL_S < time.monotonic():
            made = asyncio.create_task(top_three(shown))
            lately[feed] = time.monotonic(), made
        jpeg, words = await asyncio.shield(made)
        return Response(jpeg, media_type="image/jpeg", headers={**NO_STORE, "X-Live-Cam": words})

    async def top_three(shown: EncodedFrame) -> tuple[bytes, str]:
        session.lenses.widen(shown.explanation.lens, len(shown.explanation.steady_top))
        explanations = await answered(session.ask(lambda explainer: _explain_top(explainer, shown)))
        jpeg = await asyncio.to_thread(lambda: encode_jpeg(thumbnails(shown.frame, explanations, shown.look)))
        words = [
            asdict(score) | {"evidence": explanation.has_evidence}
            for score, explanation in zip(shown.explanation.steady_top, explanations, strict=True)
        ]
        return jpeg, json.dumps({"top": words})

    @router.post("/occlusion")
    async def occlusion(x: Place, y: Place, feed: Feed = asked) -> Response:
        shown = feed.hub.newest
        if shown is None:
            return no_picture_yet()
        height_px, width_px = shown.frame.rgb.shape[:2]
        box = square(x, y, width_px, height_px)
        hidden = await asyncio.to_thread(hide, shown.frame.rgb, box)
        (logits,) = await answered(session.ask(lambda explainer: explainer.logits([hidden])))
        classes = [score.index for score in shown.explanation.steady_top]
        told = {
            word: [{"index": i, "label": imagenet_labels()[i], "probability": float(values[i])} for i in classes]
            for word, values in (
                ("before", probabilities(shown.explanation.logits)),
                ("after", probabilities(logits)),
            )
        }
        return JSONResponse({**told, "box": box}, headers=NO_STORE)

    @router.get("/poster.jpg")
    def poster(feed: int = 0) -> Response:
        shown = session.feeds[feed].hub.newest if 0 <= feed < len(session.feeds) else None
        jpeg = stand_in() if shown is None else shown.jpeg
        return Response(jpeg, media_type="image/jpeg", headers=NO_STORE)

    return router


def no_picture_yet() -> Response:
    """Says that there is nothing to ask about."""
    return PlainTextResponse("There is no picture yet; ask again in a moment.", 503)


def _explain_top(explainer: Explain, shown: EncodedFrame) -> list[Explanation]:
    # A source of its own, since the live picture has gone on meanwhile and its smoothing must not see time go back.
    frame = replace(shown.frame, source_id=f"{shown.frame.source_id}, top three")
    lens = shown.explanation.lens
    questions = [Target(score.index) for score in shown.explanation.steady_top]
    return explainer.explain_all([frame], questions, lens if explainer.ready(lens) else explainer.lens)[0]
