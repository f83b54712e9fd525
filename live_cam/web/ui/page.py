"""The Gradio page: stages, captions, controls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware

from live_cam.models.labels import search_names
from live_cam.pipeline.session import Session
from live_cam.render.colormaps import COLORMAPS
from live_cam.sources.camera import CameraOptions
from live_cam.web.api.settings import MAX_LISTED
from live_cam.web.security.headers import PageScripts
from live_cam.web.ui.markup.answers import METHOD_NAMES, class_list, kiosk_side, reading, trust
from live_cam.web.ui.markup.controls import STRIP, controls, note
from live_cam.web.ui.markup.head import DIALOGS, TOAST, head
from live_cam.web.ui.markup.mount import MOUNT, SYNC
from live_cam.web.ui.markup.source_menu import own_camera_meta
from live_cam.web.ui.markup.stage import stages
from live_cam.web.ui.markup.teach import kiosk_teach, num_ranks_of, offers_teaching, teach_panel
from live_cam.web.ui.styles import CSS
from live_cam.web.ui.theme import HEAD, THEME

_UPLOAD_LIMIT_BYTES = 1024
# Gradio has one context for what is being built, whichever thread builds it.
_building = threading.Lock()


def mount_page(app: FastAPI, session: Session, camera: CameraOptions, kiosk: bool, is_recorded: bool) -> None:
    """Mounts the page at the root of an app; see `build_page` for the other arguments."""
    with _building:
        gr.mount_gradio_app(
            app,
            build_page(session, camera, kiosk, is_recorded),
            path="/",
            app_kwargs={"middleware": [Middleware(PageScripts)]},  # within Gradio's, which may compress
            allowed_paths=[],
            max_file_size=_UPLOAD_LIMIT_BYTES,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            run_history=False,
            mcp_server=False,
            show_error=False,
            theme=THEME,
            css=CSS,
            head=HEAD + own_camera_meta(session),
        )


def build_page(session: Session, camera: CameraOptions, kiosk: bool = False, is_recorded: bool = False) -> gr.Blocks:
    """Builds the page of a session.

    All viewers share its settings; visitors with cameras of their own have settings of their own.

    Args:
        session: The session to show.
        camera: Options of visitors' cameras.
        kiosk: Whether to leave out all controls but the class list.
        is_recorded: Whether a kiosk says that its visitors are recorded.
    """
    page: gr.Blocks = gr.Blocks(title="live_cam", analytics_enabled=False, fill_width=True)
    num_feeds = len(session.feeds)
    own = not session.feeds
    num_ranks, teaches = num_ranks_of(session), offers_teaching(session, kiosk)
    top = head(num_feeds, kiosk, is_recorded, teaches)
    with page:
        gr.HTML(html_template=top + DIALOGS * (not kiosk), js_on_load=MOUNT)
        with gr.Row(elem_id="live-page"):
            with gr.Column(scale=7, min_width=320, elem_id="live-picture"):
                picture = stages(num_feeds, camera, kiosk, num_ranks, session.can_teach)
                if not kiosk:
                    picture += controls(num_feeds, session.modes, num_ranks[0])
                gr.HTML(html_template=picture, js_on_load=MOUNT, elem_id="live-viewer")
            with gr.Column(scale=3, min_width=280, elem_id="live-side"):
                if kiosk:
                    teach = kiosk_teach(session) if teaches else ""
                    gr.HTML(html_template=teach + kiosk_side(num_feeds, num_ranks, own, teaches), js_on_load=MOUNT)
                else:
                    _add_side(session, num_feeds, num_ranks, own)
                gr.HTML(TOAST)
    # Gradio looks into its queue a thousand times a second, and no event of this page goes through it.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = _QUEUE_EVERY_S
    return page


_QUEUE_EVERY_S = 1.0
_AUTO = -1
_STYLES = [("Heat map", "heatmap"), ("Contour lines", "contours"), ("Spotlight", "spotlight")]


def _add_side(session: Session, num_feeds: int, num_ranks: Sequence[int], own: bool) -> None:
    """Adds what stands beside the picture: answers and search, the test of the map, and all that folds."""
    labels = session.explainer.classifier.labels
    values: list[tuple[str, Any]] = []
    with gr.Column(elem_id="live-answer"):
        if num_feeds < 2:
            gr.HTML(html_template=class_list(0, num_ranks, own), js_on_load=MOUNT)
        values.append(("target", _class_picker("Explain another class", "the top class", "live-target", labels)))
        values.append(("other", _class_picker("Compare with", "the runner-up", "live-other", labels)))
    checked = trust(0) if num_feeds < 2 else ""
    gr.HTML(html_template=checked + reading(num_feeds, len(num_ranks) > 1), js_on_load=MOUNT)
    with gr.Accordion("Method, layer, colours", open=False, elem_id="live-advanced"):
        methods = [(name, method) for method, name in METHOD_NAMES.items()]
        values.append(("method", gr.Dropdown(methods, label="Method", elem_id="live-method")))
        gr.HTML(html_template=note("method"), js_on_load=MOUNT)
        values.append(("layer", gr.Dropdown(list(session.layers), label="Layer", elem_id="live-layer")))
        gr.HTML(html_template=note("layer"), js_on_load=MOUNT)
        values.append(("style", gr.Radio(_STYLES, label="Style", elem_id="live-style")))
        values.append(("opacity", gr.Slider(0.0, 1.0, step=0.05, label="Opacity", elem_id="live-opacity")))
        values.append(("colormap", gr.Dropdown(list(COLORMAPS), label="Colours", elem_id="live-colormap")))
    panel = teach_panel(session) if offers_teaching(session, kiosk=False) else ""
    gr.HTML(html_template=panel + STRIP, js_on_load=MOUNT)
    for name, component in values:
        _run_in_browser(component.input, f"(value) => globalThis.liveCam?.choose({name!r}, value)", [component])
    names = [name for name, _ in values]
    sync = gr.HTML(js_on_load=SYNC)
    _run_in_browser(
        sync.change, f"() => globalThis.liveCam.values({names!r})", [], [component for _, component in values]
    )


def _class_picker(label: str, automatic: str, elem_id: str, labels: Sequence[str]) -> gr.Dropdown:
    choices: list[tuple[str, int]] = [(automatic, _AUTO)]
    is_listed = len(labels) <= MAX_LISTED
    if is_listed:
        choices += [(name, index) for index, name in enumerate(search_names(labels))]
    info = None if is_listed else f"Type the name or the number of one of {len(labels)} classes, then Enter"
    return gr.Dropdown(choices, label=label, info=info, elem_id=elem_id, allow_custom_value=not is_listed)


def _run_in_browser(event: Any, js: str, inputs: list[Any] | None = None, outputs: list[Any] | None = None) -> None:
    """Has an event handled by the page alone."""
    event(None, inputs or [], outputs, js=js, show_progress="hidden", api_visibility="private")
