"""The controls: Gradio's components, joined to the settings by the page's own road.

What is chosen goes to `PATCH /settings` from the page itself (`static/settings.js`), not through Gradio's own requests:
after one that found nobody, Gradio takes no event any more until it has loaded the whole page anew. What others choose
comes with the pictures, and a press on a hidden button gives it to the components.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from live_cam.explain.labels import imagenet_labels
from live_cam.explain.notes import METHOD_NOTES
from live_cam.pipeline.session import Session
from live_cam.render.colormaps import COLORMAPS
from live_cam.web import markup

_LIKELIEST = -1
QUESTIONS = [
    ("Why A", "why"),
    ("Why A and not B", "versus"),
    ("What speaks against A", "against"),
    ("A and B side by side", "beside"),
]
STYLES = [("Heat map", "heatmap"), ("Contour lines", "contours"), ("Spotlight", "spotlight")]


def add_controls(session: Session) -> None:
    """Adds all controls to the page that is being built."""
    with gr.Row(elem_id="live-buttons"):
        freeze = gr.Button("Freeze", elem_id="live-freeze", min_width=80, size="md")
        run = gr.Button("Stop", elem_id="live-run", min_width=80, size="md", visible=session.visitors is None)
    if len(session.feeds) < 2:
        gr.HTML(html_template=markup.tools(0, session.visitors is not None), js_on_load=markup.MOUNT)
    gr.HTML(html_template=markup.keeping(session.visitors is None), js_on_load=markup.MOUNT)
    gr.HTML(html_template=markup.STRIP, js_on_load=markup.MOUNT)
    values: list[tuple[str, Any]] = []
    with gr.Accordion("Ask", open=False, elem_id="live-ask"):
        values.append(("question", gr.Radio(QUESTIONS, label="Question", elem_id="live-question")))
        values.append(("target", _class_picker("A", "the likeliest class", "live-target")))
        values.append(("other", _class_picker("B", "the runner-up", "live-other")))
        methods = [(name, method) for method, name in markup.METHOD_NAMES.items()]
        values.append(("method", gr.Dropdown(methods, label="Method", elem_id="live-method")))
        gr.HTML(html_template=markup.note("method", METHOD_NOTES), js_on_load=markup.MOUNT)
        values.append(("layer", gr.Dropdown(list(session.layers), label="Layer", elem_id="live-layer")))
        gr.HTML(html_template=markup.note("layer", session.layers), js_on_load=markup.MOUNT)
    with gr.Accordion("Look", open=False, elem_id="live-look"):
        values.append(("style", gr.Radio(STYLES, label="Style", elem_id="live-style")))
        values.append(("opacity", gr.Slider(0.0, 1.0, step=0.05, label="Opacity", elem_id="live-opacity")))
        values.append(("colormap", gr.Dropdown(list(COLORMAPS), label="Colours", elem_id="live-colormap")))
    for name, component in values:
        _on_page(component.input, f"(value) => globalThis.liveCam?.choose({name!r}, value)", [component])
    _on_page(freeze.click, "() => globalThis.liveCam?.toggle('frozen')")
    _on_page(run.click, "() => globalThis.liveCam?.toggle('running')")
    names = [name for name, _ in values]
    sync = gr.Button("", visible="hidden", elem_id="live-sync")
    told = [*(component for _, component in values), freeze, run]
    _on_page(sync.click, f"() => globalThis.liveCam.values({names!r})", [], told)


def _class_picker(label: str, otherwise: str, elem_id: str) -> gr.Dropdown:
    classes = [(name, index) for index, name in enumerate(imagenet_labels())]
    info = "Type to search the 1000 classes"
    return gr.Dropdown([(otherwise, _LIKELIEST), *classes], label=label, info=info, elem_id=elem_id)


def _on_page(event: Any, js: str, inputs: list[Any] | None = None, outputs: list[Any] | None = None) -> None:
    """Has an event handled by the page alone."""
    event(None, inputs or [], outputs, js=js, show_progress="hidden", api_visibility="private")
