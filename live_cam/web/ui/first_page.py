"""The page before Gradio's, which shows frames and answers at once, while the browser builds Gradio's behind it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router

from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.security.headers import page_policy
from live_cam.web.ui.markup.answers import class_list, kiosk_side, reading, trust
from live_cam.web.ui.markup.controls import controls
from live_cam.web.ui.markup.head import TOAST, head
from live_cam.web.ui.markup.source_menu import own_camera_meta
from live_cam.web.ui.markup.stage import stages
from live_cam.web.ui.markup.teach import kiosk_teach, num_ranks_of, offers_teaching
from live_cam.web.ui.styles import BACKGROUND, CSS, DARK_BACKGROUND, STYLE, script_tags

PAGE_HEADER: Final = "X-Live-Cam-Page"
"""Of a request for Gradio's page, and of a response that is the first page all the same."""

# What Gradio's own style sheet sets, as far as the stages and lists need it, so that nothing moves when its page comes.
_GRADIO_STYLE = f"""
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
main, #live-picture, #live-side, #live-answer {{ display: flex; flex-direction: column; min-width: 0; }}
"""
# In the body, and so after what Gradio adds to the head: that has a copy of the style sheet without its media queries.
_STYLE = f"{STYLE}<style>{CSS}{_GRADIO_STYLE}</style>"


def first_page_routes(session: Session, camera: CameraOptions, kiosk: bool, is_recorded: bool) -> Router:
    """Returns the route of the first page; see `live_cam.web.ui.page.build_page` for the arguments."""
    page = _build(session, camera, kiosk, is_recorded)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": page_policy(page.encode()), PAGE_HEADER: "first"}

    async def respond(_: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    return Router([Route("/", respond)])


def _build(session: Session, camera: CameraOptions, kiosk: bool, is_recorded: bool) -> str:
    num_feeds = len(session.feeds)
    own = not session.feeds
    num_ranks, teaches = num_ranks_of(session), offers_teaching(session, kiosk)
    picture = stages(num_feeds, camera, kiosk, num_ranks, session.can_teach)
    if kiosk:
        teach = kiosk_teach(session) if teaches else ""
        side = f"<div>{teach}{kiosk_side(num_feeds, num_ranks, own, teaches)}</div>"
    else:
        picture += controls(num_feeds, session.modes, num_ranks[0])
        is_single = num_feeds < 2
        answer = f"{class_list(0, num_ranks, own) * is_single}<div class='live-room'></div>"
        folds = trust(0) * is_single + reading(num_feeds, len(num_ranks) > 1)
        side = f'<div id="live-answer">{answer}</div><div>{folds}</div>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>live_cam</title>
<link rel="icon" href="data:,">
{script_tags("first_page")}
{own_camera_meta(session)}
</head>
<body>
{_STYLE}
<div class="gradio-container"><main>
{head(num_feeds, kiosk, is_recorded, teaches)}
<div id="live-page">
<div id="live-picture"><div>{picture}</div></div>
<div id="live-side">{side}{TOAST}</div>
</div>
</main></div>
</body>
</html>"""
