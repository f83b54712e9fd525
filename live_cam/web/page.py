"""The Gradio page: the live pictures, the words beside them, and the controls."""

from __future__ import annotations

import gradio as gr

from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web import markup
from live_cam.web.panel import add_controls


def build_page(session: Session, camera: CameraOptions, kiosk: bool = False) -> gr.Blocks:
    """Lays out the page for one session.

    All who watch share its settings; visitors, who bring their own cameras, have settings of their own.

    Args:
        session: What is shown.
        camera: What to ask of visitors' cameras.
        kiosk: Whether strangers stand before it: the page then has no controls but the classes themselves.
    """
    page: gr.Blocks = gr.Blocks(title="live_cam", analytics_enabled=False, fill_width=True)
    own = session.visitors is not None
    with page:
        gr.HTML(html_template=markup.head(session, kiosk), js_on_load=markup.MOUNT)
        with gr.Row(elem_id="live-page"):
            with gr.Column(scale=7, min_width=320, elem_id="live-picture"):
                pictures = markup.pictures(session, camera, kiosk) + markup.legend(session)
                gr.HTML(html_template=pictures, js_on_load=markup.MOUNT, elem_id="live-viewer")
            with gr.Column(scale=3, min_width=280, elem_id="live-side"):
                words = markup.words(0, own) if len(session.feeds) < 2 else ""
                gr.HTML(html_template=words + markup.meaning(session), js_on_load=markup.MOUNT)
                if not kiosk:
                    add_controls(session)
                gr.HTML(markup.TOAST)
    return page
