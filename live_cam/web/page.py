"""The Gradio page: the live pictures, the words beside them, and the controls."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from live_cam.explain.labels import imagenet_labels
from live_cam.frame import CLASSLESS_METHODS
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.session import Session
from live_cam.render.colormaps import COLORMAPS
from live_cam.sources.camera import CameraOptions

_LIKELIEST = -1
_RANKS = 3
_STATIC = Path(__file__).with_name("static")
CSS = (_STATIC / "page.css").read_text("utf-8")

# No web fonts: the page works without the internet and tells nobody that it is open.
THEME = gr.themes.Soft(
    primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], radius_size="lg"
)

# A visitor's key is made by the page, and known to it and the server alone.
HEAD = """<script>
globalThis.liveCamVisitor = [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(36)).join("");
</script>"""

_MOUNT = """
const folder = location.origin + location.pathname.replace(/[^/]*$/, "");
const scripts = { viewer: ".live-stage", snapshot: ".live-tools", recording: ".live-recording" };
for (const [script, parts] of Object.entries(scripts))
  import(new URL(`${script}.js`, folder)).then((module) => element.querySelectorAll(parts).forEach(module.mount));
"""

_RECORDING = """
<section class="live-recording" aria-label="Recording">
  <button type="button" class="live-button" data-live="record" aria-keyshortcuts="R"
    title="Record, or stop recording (key R)">Record</button>
  <select class="live-select" data-live="record-view" aria-label="What is recorded">
    <option value="seen">what is seen</option>
    <option value="clean">the clean picture</option>
    <option value="both">both side by side</option>
  </select>
  <p data-live="record-words" role="status"></p>
  <p data-live="record-figures"></p>
  <ul data-live="record-files" aria-label="Recorded files"></ul>
</section>"""

_WITH_VISITOR = "(_, ...values) => [globalThis.liveCamVisitor, ...values]"

_KEYS = '<p class="live-keys" data-live="keys"></p>'

_OWN_NOTICE = "Only you see your picture, and nothing of it is kept"
_OWN_CAMERA = """
<div class="live-own">
  <button type="button" data-live="own-start" disabled>Show my camera</button>
  <button type="button" data-live="own-turn" hidden>Other camera</button>
  <button type="button" data-live="own-stop" hidden>Stop</button>
</div>"""


def build_page(session: Session, camera: CameraOptions) -> gr.Blocks:
    """Lays out the page for one session.

    All who watch share its controls; visitors, who bring their own cameras, have controls of their own.
    """
    page: gr.Blocks = gr.Blocks(title="live_cam", analytics_enabled=False, fill_width=True)
    with page:
        gr.HTML(_head(session))
        with gr.Row():
            with gr.Column(scale=3, min_width=320, elem_id="live-picture"):
                gr.HTML(html_template=_pictures(session, camera), js_on_load=_MOUNT, elem_id="live-viewer")
            with gr.Column(scale=1, min_width=280):
                if len(session.feeds) < 2:
                    gr.HTML(_words(0))
                gr.HTML(_meaning(session))
                with gr.Row(visible=session.visitors is None):
                    start = gr.Button("Start", min_width=80)
                    stop = gr.Button("Stop", min_width=80)
                if session.visitors is None:
                    gr.HTML(html_template=_RECORDING, js_on_load=_MOUNT)
                target = gr.Dropdown(
                    [("the likeliest class", _LIKELIEST), *((name, i) for i, name in enumerate(imagenet_labels()))],
                    label="Explain",
                    info="Type to search the 1000 classes",
                    elem_id="live-target",
                )
                opacity = gr.Slider(0.0, 1.0, step=0.05, label="Opacity", elem_id="live-opacity")
                colormap = gr.Dropdown(list(COLORMAPS), label="Colours", elem_id="live-colormap")
        visitor = gr.Textbox(visible=False)

        def controls(key: str) -> Controls:
            return session.controls if session.visitors is None else session.visitors.controls(key)

        def explain(key: str, index: int) -> None:
            controls(key).change(target=None if index == _LIKELIEST else index)

        def current(key: str) -> tuple[int, float, str]:
            settings = controls(key).settings
            index = settings.target
            return _LIKELIEST if index is None else index, settings.opacity, settings.colormap

        for event, handler, value in (
            (target.input, explain, [target]),
            (opacity.input, lambda key, value: controls(key).change(opacity=value), [opacity]),
            (colormap.input, lambda key, name: controls(key).change(colormap=name), [colormap]),
            (start.click, lambda key: controls(key).change(running=True), []),
            (stop.click, lambda key: controls(key).change(running=False), []),
        ):
            event(
                handler,
                [visitor, *value],
                None,
                js=_WITH_VISITOR,
                queue=False,
                show_progress="hidden",
                api_visibility="private",
            )
        choices = [target, opacity, colormap]
        page.load(current, [visitor], choices, js=_WITH_VISITOR, queue=False, api_visibility="private")
    return page


def _head(session: Session) -> str:
    sources = f" · {len(session.feeds)} sources" if len(session.feeds) > 1 else ""
    if len(session.feeds) == 1:
        sources = ' · <span data-live="source"></span>'
    return f"""
<header class="live-head"><h1>live_cam</h1>
<p data-feed="0">What a ResNet50 sees, and where it looks{sources}</p></header>
"""


def _pictures(session: Session, camera: CameraOptions) -> str:
    if session.visitors is not None:
        width_px, height_px = camera.size_px or ("", "")
        wishes = f'data-width="{width_px}" data-height="{height_px}" data-rate="{camera.rate_fps or ""}"'
        stage = _stage(0, f'data-own {wishes} data-mirror="{str(camera.mirror).lower()}"', _OWN_NOTICE, _OWN_CAMERA)
        return stage + _tools(0, "data-own", _KEYS)
    if len(session.feeds) == 1:
        return _stage(0) + _tools(0, more=_KEYS)
    tiles = (
        f'<section class="live-tile" aria-label="{escape(feed.name)}"><h2 data-feed="{number}">{escape(feed.name)}</h2>'
        f"{_stage(number)}{_tools(number)}{_words(number)}</section>"
        for number, feed in enumerate(session.feeds)
    )
    return f'<div class="live-grid">{"".join(tiles)}</div>{_KEYS}'


def _stage(number: int, attributes: str = "", notice: str = "Connecting", more: str = "") -> str:
    return f"""
<div class="live-stage" data-feed="{number}" {attributes}>
  <canvas width="640" height="480" role="img" aria-label="Live picture with the heat map over it"></canvas>
  <p class="live-notice" data-live="notice" role="status">{notice}</p>{more}
</div>"""


def _tools(number: int, attributes: str = "", more: str = "") -> str:
    return f"""
<div class="live-tools" data-feed="{number}" {attributes}>
  <button type="button" class="live-button" data-live="snapshot" aria-keyshortcuts="S"
    title="Save the picture, with all that is needed to repeat it (key S)">Snapshot</button>
  <p class="live-said" data-live="snapshot-words" role="status"></p>{more}
</div>"""


def _words(number: int) -> str:
    rows = "".join(
        f'<li><span data-live="label-{rank}">–</span><span class="live-percent" data-live="percent-{rank}"></span>'
        f'<span class="live-track"><span class="live-bar" data-live="bar-{rank}"></span></span></li>'
        for rank in range(_RANKS)
    )
    return f"""
<section class="live-words" data-feed="{number}" aria-label="What the network sees">
  <ol>{rows}</ol>
  <p>Explained: <b data-live="target">–</b> <span class="live-evidence" data-live="evidence"></span></p>
  <p class="live-figures"><span><span data-live="fps">–</span> frames a second</span>
     <span>age <span data-live="age">–</span></span></p>
</section>"""


def _meaning(session: Session) -> str:
    explainer = session.explainer
    if explainer.method in CLASSLESS_METHODS:
        meaning = "The colours show what the layer responds to most, whatever the class."
    else:
        meaning = "The colours show where the picture speaks for the class explained."
    how = f"{explainer.method} at {explainer.layer}"
    return f'<div class="live-words"><p>{meaning}</p><p class="live-figures">{how}</p></div>'
