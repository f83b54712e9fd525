"""The page while Gradio is being imported: the same stages, class lists and scripts, without controls."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router

from live_cam.explain.results import TOP_N
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.security.headers import page_policy
from live_cam.web.ui import markup
from live_cam.web.ui.source_menu import own_camera_meta
from live_cam.web.ui.styles import BACKGROUND, CSS, DARK_BACKGROUND, STYLE, script_tags

_MARK: Final = {"X-Live-Cam-Page": "first"}
"""By which the page finds out that another has taken its place."""

# What Gradio's own style sheet sets, as far as the stages and lists need it, so that nothing moves when its page comes.
_GRADIO_STYLE = f"""<style>
:root {{
  --body-text-color: #1f2937; --body-text-color-subdued: #475569; --border-color-primary: #e2e8f0;
  --background-fill-primary: #fff; --background-fill-secondary: #f8fafc;
}}
.dark {{
  --body-text-color: #f3f4f6; --body-text-color-subdued: #cbd5e1; --border-color-primary: #334155;
  --background-fill-primary: #0f172a; --background-fill-secondary: #1e293b;
}}
*, ::before, ::after {{ box-sizing: border-box; }}
html {{ background: {BACKGROUND}; }}
@media (prefers-color-scheme: dark) {{ html {{ background: {DARK_BACKGROUND}; }} }}
body {{ margin: 0; color: var(--body-text-color); font: 16px/1.5 system-ui, sans-serif; }}
main, #live-picture, #live-side {{ display: flex; flex-direction: column; min-width: 0; }}
main {{ gap: 0.5rem; }}
.gradio-container main {{ padding: 0.5rem 1rem 1rem !important; }}
</style>"""


def first_page_routes(session: Session, camera: CameraOptions, kiosk: bool, is_recorded: bool) -> Router:
    """Returns the route of the first page; see `live_cam.web.ui.page.build_page` for the arguments."""
    page = _build(session, camera, kiosk, is_recorded)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": page_policy(page.encode()), **_MARK}

    async def respond(_: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    return Router([Route("/", respond)])


def _build(session: Session, camera: CameraOptions, kiosk: bool, is_recorded: bool) -> str:
    num_feeds = len(session.feeds)
    num_ranks = [min(TOP_N, len(explainer.classifier.labels)) for explainer in session.explainers]
    # As in a kiosk: buttons whose scripts come with Gradio's page would do nothing. They leave their room.
    head = markup.head(num_feeds, True, kiosk and is_recorded)
    stages = markup.stages(num_feeds, camera, True, num_ranks) + markup.legend(num_feeds)
    classes = markup.class_list(0, num_ranks, not session.feeds) if num_feeds < 2 else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>live_cam</title>
<link rel="icon" href="data:,">
<style>{CSS}</style>
{_GRADIO_STYLE}
{STYLE}
{script_tags("first_page")}
{own_camera_meta(session)}
</head>
<body>
<div class="gradio-container"><main>
<div{"" if kiosk else ' style="min-height: 2.4rem"'}>{head}</div>
<div id="live-page">
<div id="live-picture">{stages}</div>
<div id="live-side">{classes}{markup.meaning(num_feeds)}{markup.TOAST}</div>
</div>
</main></div>
</body>
</html>"""
