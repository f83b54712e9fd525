"""HTML of the page beside Gradio's controls: stages, class lists, captions, buttons.

Gradio runs what a template holds between `${` and `}` or `{{` and `}}`, which escaping leaves alone. So no text from
outside is in here: names, labels and errors arrive with the frames, and the page's scripts set them as text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Final

from live_cam.render.legend import LEGEND_ENDS
from live_cam.sources.camera import CameraOptions
from live_cam.types import Method
from live_cam.web.ui.scripts import FOLDER
from live_cam.web.ui.source_menu import source_menu

METHOD_NAMES: Final[dict[Method, str]] = {
    "gradcam": "Grad-CAM",
    "hirescam": "HiResCAM",
    "gradcam++": "Grad-CAM++",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "layercam-fused": "LayerCAM, fused",
    "eigencam": "Eigen-CAM",
}
"""The methods as their papers write them."""

_FOLDER = f"""
const folder = location.origin + location.pathname.replace(/[^/]*$/, "{FOLDER}");
"""
MOUNT = (
    _FOLDER
    + """
const modules = {
  viewer: ".live-stage",
  occlusion: ".live-stage",
  top_maps: ".live-top",
  class_list: ".live-class-list, .live-note",
  snapshot: ".live-tools",
  recording: ".live-recording",
  permalink: '[data-live="link"]',
  sources: ".live-sources",
  help: ".live-help",
  kiosk: ".live-kiosk",
};
import(new URL("own_mode.js", folder)).then(({ markOwn }) => {
  markOwn(element);
  for (const [name, selector] of Object.entries(modules)) {
    const found = element.querySelectorAll(selector);
    if (found.length) import(new URL(`${name}.js`, folder)).then((module) => found.forEach(module.mount));
  }
});
"""
)
"""Calls the `mount` of each module with the elements of a `gr.HTML` that match its selector."""

SYNC = (
    _FOLDER
    + """
import(new URL("controls.js", folder)).then((module) => module.onSync(() => trigger("change")));
"""
)
"""Lets the page's scripts trigger the change event of a `gr.HTML`, which updates Gradio's components."""

_RECORD = """
  <button type="button" class="live-button" data-live="record" title="Record, or stop recording">Record</button>
  <select class="live-select" data-live="record-view" aria-label="Recorded view" title="Recorded view">
    <option value="overlay">overlay</option>
    <option value="raw">camera only</option>
    <option value="both">side by side</option>
  </select>"""

_LINK = """
  <button type="button" class="live-button" data-live="link"
    title="Copy a link to these settings">Copy link</button>"""

_RECORDED = """
  <div>
    <p data-live="record-status" role="status"></p>
    <p data-live="record-figures"></p>
  </div>
  <button type="button" class="live-unlock" data-live="record-last" title="The files of the recording that ended before
 this page was opened" hidden>Last recording</button>
  <ul data-live="record-files" aria-label="Recorded files"></ul>"""

_HELP = """
<dialog class="live-help" aria-labelledby="live-help-title">
  <h2 id="live-help-title">Keys</h2>
  <div data-live="help-groups"></div>
  <form method="dialog"><button class="live-button" autofocus>Close</button></form>
</dialog>"""

_ASK = """
<dialog class="live-ask" aria-labelledby="live-ask-title">
  <h2 id="live-ask-title">Change it for everybody?</h2>
  <p>Others are watching, and all see the same settings. This link changes:</p>
  <ul></ul>
  <form method="dialog">
    <button class="live-button" value="" autofocus>Leave as it is</button>
    <button class="live-button" value="change">Change for everybody</button>
  </form>
</dialog>"""

_OWN_NOTICE = "Only you see your video, and none of it is stored"
_OWN_CAMERA = """
<div class="live-own">
  <button type="button" data-live="own-start" disabled>Show my camera</button>
  <button type="button" data-live="own-switch" title="Other camera" hidden>Other camera</button>
  <button type="button" data-live="own-stop" hidden>Stop</button>
</div>"""

_RETRY = '<div class="live-own"><button type="button" data-live="retry" hidden>Try now</button></div>'
_RECORDED_NOTICE = '<p class="live-recorded">This camera is recorded: the video, with everyone in it, is saved.</p>'


def head(num_feeds: int, kiosk: bool, is_recorded: bool = False) -> str:
    """Returns the top line: name, slogan, source, and the buttons for theme and keys, or a kiosk's notice."""
    several = f"{num_feeds} sources" if num_feeds > 1 else ""
    source = source_menu(0, kiosk) if num_feeds == 1 else several
    slogan = '<span data-live="slogan">What the model sees, and where it looks</span>' + " · " * bool(source)
    buttons = (
        _RECORDED_NOTICE * is_recorded
        if kiosk
        else """
<div class="live-head-buttons">
  <button type="button" class="live-button" data-live="theme" title="Light or dark">Theme</button>
  <button type="button" class="live-button" data-live="keys" aria-haspopup="dialog"
    title="Show the keys">Keys</button>
</div>"""
    )
    return f"""
<header class="live-head"><h1>live_cam</h1>
<p data-feed="0"><span class="live-slogan">{slogan}</span>{source}</p>{buttons}</header>{"" if kiosk else _HELP + _ASK}
{'<div class="live-kiosk" data-idle-s="60"></div>' if kiosk else ""}"""


def stages(num_feeds: int, camera: CameraOptions, kiosk: bool, num_ranks: Sequence[int]) -> str:
    """Returns the stage of a visitor or of a single feed, or a grid of tiles, each with its own class list.

    Args:
        num_feeds: The number of feeds; 0 for a visitor's.
        camera: Options of visitors' cameras.
        kiosk: Whether to leave out all buttons.
        num_ranks: The number of classes to list for each model.
    """
    stacked = "data-two" * (len(num_ranks) > 1)  # one above the other on phones
    if num_feeds == 0:
        width_px, height_px = camera.size_px or ("", "")
        options = f'data-width="{width_px}" data-height="{height_px}" data-rate="{camera.rate_fps or ""}"'
        return _stage(
            0, f'data-own {stacked} {options} data-mirror="{str(camera.mirror).lower()}"', _OWN_NOTICE, _OWN_CAMERA
        )
    if num_feeds == 1:
        return _stage(0, stacked, buttons="" if kiosk else _RETRY)
    tiles = (
        f'<section class="live-tile" aria-labelledby="{_name_id(number)}">'
        f'<h2 data-feed="{number}">{source_menu(number, kiosk, _name_id(number))}</h2>'
        f"{_stage(number, stacked, buttons='' if kiosk else _RETRY)}"
        f"{'' if kiosk else tools(number, num_ranks[0])}{class_list(number, num_ranks, tile=True)}</section>"
        for number in range(num_feeds)
    )
    return f'<div class="live-grid">{"".join(tiles)}</div>'


def _stage(number: int, attributes: str = "", notice: str = "Connecting", buttons: str = "") -> str:
    return f"""
<div class="live-stage" data-feed="{number}" {attributes}>
  <img class="live-poster" src="poster.jpg?feed={number}" alt="">
  <div class="live-view">
    <canvas width="640" height="480" role="img" aria-label="Live overlay of the map"></canvas>
    <div class="live-occlusion"></div>
    <p class="live-caption" data-live="caption" hidden></p>
    <p class="live-caption live-caption-right" data-live="caption-right" hidden></p>
    <div class="live-chips" role="status">
      <p class="live-chip" data-live="recorded" hidden>Recording</p>
      <p class="live-chip" data-live="frozen" hidden>Frozen</p>
      <p class="live-chip" data-live="preparing" hidden></p>
      <p class="live-chip live-scene" data-live="scene" hidden></p>
    </div>
  </div>
  <p class="live-notice" data-live="notice" role="status">{notice}</p>{buttons}
</div>"""


def tools(number: int, num_maps: int, own: bool = False) -> str:
    """Returns the buttons of one feed, of which one opens the maps of so many top classes."""
    feed = _feed(number, own)
    return f"""
<div class="live-tools" {feed}>
  <button type="button" class="live-button" data-live="snapshot"
    title="Save this frame, with all that is needed to reproduce its explanation">Snapshot</button>
  <button type="button" class="live-button" data-live="occlude" aria-pressed="true"
    title="Point at the image, or press the arrow keys here, to occlude a patch and see how the probabilities change"
    >Occlude</button>
  <div class="live-top" {feed} data-maps="{num_maps}"></div>
  <p class="live-status" data-live="snapshot-status" role="status"></p>
</div>"""


def class_list(number: int, num_ranks: Sequence[int], own: bool = False, tile: bool = False) -> str:
    """Returns the list of the top classes, with the explained target, its evidence and the test of the map.

    Where there are two models, it is preceded by whether they agree, and followed by the list of the second.
    """
    rows = "".join(
        f'<li><button type="button" class="live-class" data-live="label-{rank}" aria-pressed="false"'
        ' title="Explain this class">–</button>'
        f'<span class="live-percent" data-live="percent-{rank}"></span>'
        f'<span class="live-occluded" data-live="occluded-{rank}"></span>'
        f'<span class="live-track"><span class="live-bar" data-live="bar-{rank}"></span></span></li>'
        for rank in range(num_ranks[0])
    )
    before = second = after = ""
    if len(num_ranks) > 1:
        before = """
  <p class="live-agreement" data-live="agreement"></p>
  <p data-live="agreement-note" hidden></p>
  <p class="live-model" data-live="model-0"></p>"""
        second = _second_list(number, num_ranks[1])
        after = """
  <p class="live-how">Evidence, test and Occlude are those of the first model.</p>"""
    label = 'aria-label="What the network sees"'
    if tile:  # its own label and the tile's name
        own_id = f"live-classes-{number}"
        label = f'id="{own_id}" aria-label="What the network sees in" aria-labelledby="{own_id} {_name_id(number)}"'
    return f"""
<section class="live-class-list" {_feed(number, own)} {label}>{before}
  <ol>{rows}</ol>{second}
  <p class="live-explained">Explained: <b data-live="target">–</b>
    <button type="button" class="live-unlock" data-live="unlock" hidden>unlock</button></p>
  <p class="live-evidence"><span id="live-evidence-{number}">Evidence</span>
    <span class="live-meter" data-live="meter" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"
      aria-labelledby="live-evidence-{number}"><span data-live="meter-bar"></span></span>
    <b data-live="evidence-word">–</b></p>
  <p class="live-faithfulness" data-live="faithfulness">Test of the map: not yet measured.</p>
  <p class="live-precision" data-live="precision" hidden></p>{after}
</section>"""


def _second_list(number: int, num_ranks: int) -> str:
    """Returns the list of the second model's top classes, which can't be chosen: the first model's are."""
    rows = "".join(
        f'<li><span class="live-label" data-live="second-label-{rank}">–</span>'
        f'<span class="live-percent" data-live="second-percent-{rank}"></span>'
        f'<span class="live-track"><span class="live-bar" data-live="second-bar-{rank}"></span></span></li>'
        for rank in range(num_ranks)
    )
    name_id = f"live-second-{number}"
    return f"""
  <p class="live-model" id="{name_id}" data-live="model-1"></p>
  <ol class="live-second" aria-labelledby="{name_id}">{rows}</ol>"""


def _feed(number: int, own: bool) -> str:
    return f'data-feed="{number}"' + (" data-own" if own else "")


def legend(num_feeds: int) -> str:
    """Returns the line under the stage: legend, frame rate and latency; of several feeds, the first."""
    return f"""
<div class="live-under" data-feed="0">
  <p class="live-legend" data-live="legend" data-style="heatmap" data-colormap="viridis"
    data-ends="{escape(json.dumps(LEGEND_ENDS))}">
    <span data-live="legend-weak">weak</span><span class="live-ramp" aria-hidden="true"></span>
    <span data-live="legend-strong">strong</span></p>
  <p class="live-figures" hidden>{_first_feed(num_feeds)}<span><span data-live="fps">–</span> fps</span>
    <span>latency <span data-live="latency">–</span></span></p>
</div>"""


def meaning(num_feeds: int) -> str:
    """Returns the place for what the map shows and what it does not; of several feeds, the first."""
    return f"""
<section class="live-meaning" data-feed="0" aria-label="What the map shows">
  <p class="live-sentences">{_first_feed(num_feeds)}<b class="live-no-evidence" data-live="no-evidence" hidden></b>
    <span data-live="meaning"></span></p>
  <p class="live-how" data-live="how" data-names="{escape(json.dumps(METHOD_NAMES))}"></p>
</section>"""


def _first_feed(num_feeds: int) -> str:
    return '<span class="live-of" data-live="source"></span> ' if num_feeds > 1 else ""


def _name_id(number: int) -> str:
    return f"live-name-{number}"


def note(setting: str) -> str:
    """Returns the place for the note on the current value of a setting."""
    return f'<p class="live-note" data-setting="{setting}"></p>'


def save_controls(records: bool) -> str:
    """Returns the controls that save something: the recording's, if there is any, and the link to the settings."""
    parts = f"{_RECORD}{_LINK}{_RECORDED}" if records else _LINK
    return f"""
<section class="live-save{" live-recording" if records else ""}" aria-label="Save">{parts}
</section>"""


STRIP = '<div class="live-strip"></div>'
"""The place for the last snapshots."""

TOAST = '<p class="live-toast" data-live="toast" role="status"></p>'
"""The place for short messages."""
