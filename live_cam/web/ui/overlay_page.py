"""The page for OBS's browser source: picture and caption alone, transparent around them."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.web.api.dependencies import NO_STORE, feed_dependency
from live_cam.web.security.headers import page_policy
from live_cam.web.ui.styles import script_tags

# What is not live is not shown: a broadcast must not take an old picture for the present.
_STYLE = """<style>
html, body { height: 100%; margin: 0; background: transparent; }
.live-stage {
  --picture-ratio: 1.3333; position: fixed; inset: 0; display: grid; place-items: center; container-type: size;
}
.live-stage:not([data-seq][data-state="live"]) { visibility: hidden; }
.live-view {
  position: relative; width: min(100cqw, 100cqh * var(--picture-ratio)); aspect-ratio: var(--picture-ratio);
  container-type: inline-size;
}
canvas { display: block; width: 100%; height: 100%; }
.live-caption {
  position: absolute; inset: 0.6rem auto auto 0.6rem; max-width: calc(100% - 1.2rem); box-sizing: border-box; margin: 0;
  padding: 0.25em 0.7em; border-radius: 8px; color: #fff; background: rgb(0 0 0 / 72%);
  font: 600 clamp(0.9rem, 3.4cqw, 2.4rem) / 1.3 system-ui, sans-serif;
}
.live-view:has(.live-caption-right:not([hidden])) .live-caption { max-width: calc(50% - 1.2rem); }
.live-view .live-caption-right { left: calc(50% + 0.6rem); }
.live-stage[data-stacked] .live-view .live-caption { max-width: calc(100% - 1.2rem); }
.live-stage[data-stacked] .live-view .live-caption-right { inset: calc(50% + 0.6rem) auto auto 0.6rem; }
[hidden] { display: none; }
</style>"""


def overlay_routes(session: Session) -> APIRouter:
    """Returns the route of the page for one session, with `?feed=` as everywhere."""
    router = APIRouter()
    feed_of_request = Depends(feed_dependency(session))

    @router.get("/overlay")
    def overlay(feed: int = 0, _: Feed = feed_of_request) -> Response:
        page = _build(feed)
        headers = {**NO_STORE, "Content-Security-Policy": page_policy(page.encode())}
        return HTMLResponse(page, headers=headers)

    return router


def _build(number: int) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>live_cam overlay</title>
<link rel="icon" href="data:,">
{_STYLE}
{script_tags("overlay")}
</head>
<body>
<main class="live-stage" data-feed="{number}">
<div class="live-view">
<canvas width="640" height="480" role="img" aria-label="Live overlay of the map"></canvas>
<p class="live-caption" data-live="caption" hidden></p>
<p class="live-caption live-caption-right" data-live="caption-right" hidden></p>
</div>
</main>
</body>
</html>"""
