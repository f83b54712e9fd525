"""The Gradio page: the live picture, the words beside it, and the controls."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from live_cam.explain.labels import imagenet_labels
from live_cam.frame import CLASSLESS_METHODS, Target
from live_cam.pipeline.session import Session
from live_cam.render.colormaps import COLORMAPS

_LIKELIEST = -1
_RANKS = 3
_STATIC = Path(__file__).with_name("static")
CSS = (_STATIC / "page.css").read_text("utf-8")

# No web fonts: the page works without the internet and tells nobody that it is open.
THEME = gr.themes.Soft(
    primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], radius_size="lg"
)

_HEAD = """
<header class="live-head"><h1>live_cam</h1>
<p>What a ResNet50 sees, and where it looks · <span data-live="source"></span></p></header>
"""

_PICTURE = """
<div class="live-stage">
  <canvas width="640" height="480" role="img" aria-label="Live picture with the heat map over it"></canvas>
  <p class="live-notice" data-live="notice" role="status">Connecting</p>
</div>
"""

_MOUNT = """
const folder = location.origin + location.pathname.replace(/[^/]*$/, "");
import(new URL("viewer.js", folder)).then((viewer) => viewer.mount(element.querySelector(".live-stage")));
"""


def build_page(session: Session) -> gr.Blocks:
    """Lays out the page for one session, whose controls all who watch share."""
    controls = session.controls
    page: gr.Blocks = gr.Blocks(title="live_cam", analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(_HEAD)
        with gr.Row():
            with gr.Column(scale=3, min_width=320, elem_id="live-picture"):
                gr.HTML(html_template=_PICTURE, js_on_load=_MOUNT, elem_id="live-viewer")
            with gr.Column(scale=1, min_width=280):
                gr.HTML(_words(session))
                with gr.Row():
                    start = gr.Button("Start", min_width=80)
                    stop = gr.Button("Stop", min_width=80)
                target = gr.Dropdown(
                    [("the likeliest class", _LIKELIEST), *((name, i) for i, name in enumerate(imagenet_labels()))],
                    label="Explain",
                    info="Type to search the 1000 classes",
                    elem_id="live-target",
                )
                opacity = gr.Slider(0.0, 1.0, step=0.05, label="Opacity", elem_id="live-opacity")
                colormap = gr.Dropdown(list(COLORMAPS), label="Colours", elem_id="live-colormap")

        def explain(index: int) -> None:
            controls.set_target(Target() if index == _LIKELIEST else Target(index))

        def current() -> tuple[int, float, str]:
            settings = controls.settings
            index = settings.target.index
            return _LIKELIEST if index is None else index, settings.opacity, settings.colormap

        page.load(current, None, [target, opacity, colormap], queue=False, api_visibility="private")
        for event, handler, value in (
            (target.input, explain, [target]),
            (opacity.input, controls.set_opacity, [opacity]),
            (colormap.input, controls.set_colormap, [colormap]),
            (start.click, lambda: controls.set_running(True), None),
            (stop.click, lambda: controls.set_running(False), None),
        ):
            event(handler, value, None, queue=False, show_progress="hidden", api_visibility="private")
    return page


def _words(session: Session) -> str:
    rows = "".join(
        f'<li><span data-live="label-{rank}">–</span><span class="live-percent" data-live="percent-{rank}"></span>'
        f'<span class="live-track"><span class="live-bar" data-live="bar-{rank}"></span></span></li>'
        for rank in range(_RANKS)
    )
    explainer = session.explainer
    if explainer.method in CLASSLESS_METHODS:
        meaning = "The colours show what the layer responds to most, whatever the class"
    else:
        meaning = 'The colours show where the picture speaks for <b data-live="target">–</b>'
    return f"""
<section class="live-words" aria-label="What the network sees">
  <ol>{rows}</ol>
  <p>{meaning}
     <span class="live-evidence" data-live="evidence"></span></p>
  <p class="live-figures"><span><span data-live="fps">–</span> frames a second</span>
     <span>age <span data-live="age">–</span></span></p>
  <p class="live-figures">{explainer.method} at {explainer.layer}</p>
</section>"""
