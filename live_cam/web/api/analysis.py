"""Routes for the frame shown: the maps of the top three classes, occlusion of a patch, votes of a place, the poster."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict, replace
from functools import cache
from typing import Annotated
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from live_cam.errors import SourceError, UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.occlusion import occlude, patch
from live_cam.explain.saliency.targets import probabilities
from live_cam.explain.votes import place_votes
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.render.encode import encode_jpeg
from live_cam.render.layout import thumbnails
from live_cam.sources.demo import HEIGHT_PX, WIDTH_PX, demo_frame
from live_cam.types import EncodedFrame, Explanation, Target
from live_cam.web.api.dependencies import NO_STORE, feed_dependency, task_result

# Requests within this time share one image, so that many viewers cost no more than one.
_TOP_MAX_AGE_S = 0.25
# A frame that comes later, or not at all, is not waited for: the one shown is explained by a call of its own.
_NEXT_FRAME_LIMIT_S = 0.5
_VOTES_N = 3

Place = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)]


def analysis_routes(session: Session) -> APIRouter:
    """Returns the routes for one session."""
    router = APIRouter()
    feed_of_request = Depends(feed_dependency(session))
    cached: WeakKeyDictionary[Feed, tuple[float, asyncio.Task[tuple[bytes, str]]]] = WeakKeyDictionary()

    @router.get("/top.jpg")
    async def top(feed: Feed = feed_of_request) -> Response:
        started_s, task = cached.get(feed, (0.0, None))
        shown = feed.broadcaster.newest
        if shown is None:
            return no_frame_yet()
        if task is None or started_s + _TOP_MAX_AGE_S < time.monotonic():
            task = asyncio.create_task(top_three(feed, shown))
            cached[feed] = time.monotonic(), task
        jpeg, header = await asyncio.shield(task)
        return Response(jpeg, media_type="image/jpeg", headers={**NO_STORE, "X-Live-Cam": header})

    async def top_three(feed: Feed, shown: EncodedFrame) -> tuple[bytes, str]:
        session.layer_loader.ensure_targets(shown.explanation.cam_config, len(shown.explanation.smoothed_top))
        settings = feed.settings.current
        # Frames of several sources are explained in one call, which has one target for each.
        if settings.running and not settings.frozen and len(session.feeds) <= 1:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(feed.request_top_maps()), _NEXT_FRAME_LIMIT_S)
            shown = feed.broadcaster.newest or shown
        explanations = list(shown.top_maps)
        if not explanations:
            explainer = session.explainers_of(feed)[0]
            explanations = await task_result(session.submit(lambda _: _explain_top(explainer, shown)))
        jpeg = await asyncio.to_thread(lambda: encode_jpeg(thumbnails(shown.frame, explanations, shown.overlay_style)))
        scores = [
            asdict(score) | {"has_evidence": explanation.has_evidence}
            for score, explanation in zip(shown.explanation.smoothed_top, explanations, strict=True)
        ]
        return jpeg, json.dumps({"top": scores})

    @router.post("/occlusion")
    async def occlusion(x: Place, y: Place, feed: Feed = feed_of_request) -> Response:
        shown = feed.broadcaster.newest
        if shown is None:
            return no_frame_yet()
        height_px, width_px = shown.frame.rgb.shape[:2]
        box = patch(x, y, width_px, height_px)
        explainer = session.explainers_of(feed)[0]
        classifier = explainer.classifier
        occluded = await asyncio.to_thread(occlude, shown.frame.rgb, box, classifier.input_px, classifier.resize)
        (logits,) = await task_result(session.submit(lambda _: explainer.logits([occluded])))
        classes = [score.index for score in shown.explanation.smoothed_top if score.index < len(logits)]
        scores = {
            name: [{"index": i, "label": classifier.labels[i], "probability": float(values[i])} for i in classes]
            for name, values in (
                ("before", probabilities(shown.explanation.logits, classifier.head)),
                ("after", probabilities(logits, classifier.head)),
            )
        }
        return JSONResponse({**scores, "box": box}, headers=NO_STORE)

    @router.get("/votes")
    async def votes(x: Place, y: Place, feed: Feed = feed_of_request) -> Response:
        shown = feed.broadcaster.newest
        if shown is None:
            return no_frame_yet()
        explainer = session.explainers_of(feed)[0]
        try:
            box, of_place = await asyncio.to_thread(place_votes, explainer, shown.frame, x, y, _VOTES_N)
        except UsageError as error:
            return PlainTextResponse(str(error), 409)
        return JSONResponse({"box": box, "votes": [asdict(vote) for vote in of_place]}, headers=NO_STORE)

    @router.get("/poster.jpg")
    def poster(feed: int = 0) -> Response:
        shown = session.feeds[feed].broadcaster.newest if 0 <= feed < len(session.feeds) else None
        jpeg = placeholder_image() if shown is None else shown.jpeg
        return Response(jpeg, media_type="image/jpeg", headers=NO_STORE)

    return router


def no_frame_yet() -> Response:
    """Returns the response while there is no frame."""
    return PlainTextResponse("There is no frame yet; try again in a moment.", 503)


def _explain_top(explainer: ExplainerProtocol, shown: EncodedFrame) -> list[Explanation]:
    # A separate source: the live one has moved on, and its smoothing must not see time go back.
    frame = replace(shown.frame, source_id=f"{shown.frame.source_id}, top three")
    cam_config = shown.explanation.cam_config
    targets = [Target(score.index) for score in shown.explanation.smoothed_top]
    return explainer.explain_all(
        [frame], targets, cam_config if explainer.is_ready(cam_config) else explainer.cam_config
    )[0]


_BLUR_PX = 24.0
_BRIGHTNESS = 0.45


@cache
def placeholder_image() -> bytes:
    """Returns a JPEG of a photograph, blurred and dimmed so that nobody takes it for a live frame."""
    try:
        rgb = demo_frame(0.0)
    except SourceError:
        rgb = np.full((HEIGHT_PX, WIDTH_PX, 3), np.linspace(40, 160, WIDTH_PX)[:, np.newaxis], np.uint8)
    blurred = cv2.GaussianBlur(rgb, (0, 0), _BLUR_PX)
    return encode_jpeg(np.asarray(cv2.convertScaleAbs(blurred, alpha=_BRIGHTNESS), np.uint8))
