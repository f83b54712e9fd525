"""The parts of the page that are no controls: the moving pictures and the words beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Final, get_args

from live_cam.frame import Method, Style
from live_cam.pipeline.session import Session
from live_cam.render.colormaps import COLORMAPS
from live_cam.render.legend import LEGEND_ENDS
from live_cam.sources.camera import CameraOptions

_RANKS = 3

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

MOUNT = """
const folder = location.origin + location.pathname.replace(/[^/]*$/, "");
const scripts = {
  viewer: ".live-stage",
  occlusion: ".live-stage",
  top: ".live-top",
  words: ".live-words",
  snapshot: ".live-tools",
  recording: ".live-recording",
  link: '[data-live="link"]',
  notes: ".live-note",
  help: ".live-help",
  kiosk: ".live-kiosk",
};
for (const [script, parts] of Object.entries(scripts)) {
  const found = element.querySelectorAll(parts);
  if (found.length) import(new URL(`${script}.js`, folder)).then((module) => found.forEach(module.mount));
}
"""
"""Brings each part of a `gr.HTML` to life: the module of a name is given the elements that are its own."""

_RECORD = """
  <button type="button" class="live-button" data-live="record" title="Record, or stop recording">Record</button>
  <select class="live-select" data-live="record-view" aria-label="What is recorded" title="What is recorded">
    <option value="seen">what is seen</option>
    <option value="clean">the clean picture</option>
    <option value="both">both side by side</option>
  </select>"""

_LINK = """
  <button type="button" class="live-button" data-live="link"
    title="Copy a link that restores these settings">Copy link</button>"""

_RECORDED = """
  <div>
    <p data-live="record-words" role="status"></p>
    <p data-live="record-figures"></p>
  </div>
  <ul data-live="record-files" aria-label="Recorded files"></ul>"""

_HELP = """
<dialog class="live-help" aria-labelledby="live-help-title">
  <h2 id="live-help-title">Keys</h2>
  <div data-live="help-groups"></div>
  <form method="dialog"><button class="live-button" autofocus>Close</button></form>
</dialog>"""

_OWN_NOTICE = "Only you see your picture, and nothing of it is kept"
_OWN_CAMERA = """
<div class="live-own">
  <button type="button" data-live="own-start" disabled>Show my camera</button>
  <button type="button" data-live="own-turn" title="Other camera" hidden>Other camera</button>
  <button type="button" data-live="own-stop" hidden>Stop</button>
</div>"""


def head(session: Session, kiosk: bool) -> str:
    """Gives the line at the top: the name, what it is, the source, and the buttons for keys and theme."""
    several = f"{len(session.feeds)} sources" if len(session.feeds) > 1 else ""
    source = '<span data-live="source"></span>' if len(session.feeds) == 1 else several
    slogan = f"What a ResNet50 sees, and where it looks{' · ' if source else ''}"
    buttons = (
        ""
        if kiosk
        else """
<div class="live-head-buttons">
  <button type="button" class="live-button" data-live="theme" title="Light or dark">Theme</button>
  <button type="button" class="live-button" data-live="keys" aria-haspopup="dialog"
    title="Show the keys">Keys</button>
</div>"""
    )
    choices = {
        "layer": list(session.layers),
        "method": list(get_args(Method)),
        "style": list(get_args(Style)),
        "colormap": list(COLORMAPS),
    }
    return f"""
<header class="live-head" data-choices="{escape(json.dumps(choices))}"><h1>live_cam</h1>
<p data-feed="0"><span class="live-slogan">{slogan}</span>{source}</p>{buttons}</header>{"" if kiosk else _HELP}
{'<div class="live-kiosk" data-idle-s="60"></div>' if kiosk else ""}"""


def pictures(session: Session, camera: CameraOptions, kiosk: bool) -> str:
    """Gives the stage of the one picture, or a tile for each of several with its own words."""
    if session.visitors is not None:
        width_px, height_px = camera.size_px or ("", "")
        wishes = f'data-width="{width_px}" data-height="{height_px}" data-rate="{camera.rate_fps or ""}"'
        return _stage(0, f'data-own {wishes} data-mirror="{str(camera.mirror).lower()}"', _OWN_NOTICE, _OWN_CAMERA)
    if len(session.feeds) == 1:
        return _stage(0)
    tiles = (
        f'<section class="live-tile" aria-label="{escape(feed.name)}"><h2 data-feed="{number}">{escape(feed.name)}</h2>'
        f"{_stage(number)}{'' if kiosk else tools(number)}{words(number, source=feed.name)}</section>"
        for number, feed in enumerate(session.feeds)
    )
    return f'<div class="live-grid">{"".join(tiles)}</div>'


def _stage(number: int, attributes: str = "", notice: str = "Connecting", more: str = "") -> str:
    return f"""
<div class="live-stage" data-feed="{number}" {attributes}>
  <img class="live-poster" src="poster.jpg?feed={number}" alt="">
  <div class="live-view">
    <canvas width="640" height="480" role="img" aria-label="Live picture with the map over it"></canvas>
    <div class="live-occlusion"></div>
    <p class="live-caption" data-live="caption" hidden></p>
    <p class="live-caption live-caption-right" data-live="caption-right" hidden></p>
    <div class="live-chips" role="status">
      <p class="live-chip" data-live="recorded" hidden>Recording</p>
      <p class="live-chip" data-live="frozen" hidden>Frozen</p>
      <p class="live-chip" data-live="preparing" hidden></p>
    </div>
  </div>
  <p class="live-notice" data-live="notice" role="status">{notice}</p>{more}
</div>"""


def tools(number: int, own: bool = False) -> str:
    """Gives the buttons for the picture of one feed."""
    feed = _feed(number, own)
    return f"""
<div class="live-tools" {feed}>
  <button type="button" class="live-button" data-live="snapshot"
    title="Save the picture, with all that is needed to repeat it">Snapshot</button>
  <button type="button" class="live-button" data-live="occlude" aria-pressed="true"
    title="Point at the picture, or press the arrow keys here, to hide a square and see what it costs"
    >Hide a square</button>
  <div class="live-top" {feed}></div>
  <p class="live-said" data-live="snapshot-words" role="status"></p>
</div>"""


def words(number: int, own: bool = False, source: str = "") -> str:
    """Gives the place for the three likeliest classes, the question, and how much there is to it."""
    rows = "".join(
        f'<li><button type="button" class="live-class" data-live="label-{rank}" aria-pressed="false"'
        ' title="Explain this class">–</button>'
        f'<span class="live-percent" data-live="percent-{rank}"></span>'
        f'<span class="live-hidden" data-live="hidden-{rank}"></span>'
        f'<span class="live-track"><span class="live-bar" data-live="bar-{rank}"></span></span></li>'
        for rank in range(_RANKS)
    )
    of = f" in {escape(source)}" if source else ""
    return f"""
<section class="live-words" {_feed(number, own)} aria-label="What the network sees{of}">
  <ol>{rows}</ol>
  <p class="live-question">Explained: <b data-live="target">–</b>
    <button type="button" class="live-unlock" data-live="unlock" hidden>unlock</button></p>
  <p class="live-strength"><span id="live-strength-{number}">Evidence</span>
    <span class="live-meter" data-live="meter" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"
      aria-labelledby="live-strength-{number}"><span data-live="strength"></span></span>
    <b data-live="strength-word">–</b></p>
  <p class="live-faithfulness" data-live="faithfulness">Test of the map: not yet measured.</p>
</section>"""


def _feed(number: int, own: bool) -> str:
    return f'data-feed="{number}"' + (" data-own" if own else "")


def legend(session: Session) -> str:
    """Gives the line under the picture: what its colours mean, and how fast it is, or the first of several."""
    return f"""
<div class="live-under" data-feed="0">
  <p class="live-legend" data-live="legend" data-style="heatmap" data-colormap="viridis"
    data-ends="{escape(json.dumps(LEGEND_ENDS))}">
    <span data-live="legend-weak">weak</span><span class="live-ramp" aria-hidden="true"></span>
    <span data-live="legend-strong">strong</span></p>
  <p class="live-figures" hidden>{_of_first(session)}<span><span data-live="fps">–</span> frames a second</span>
    <span>age <span data-live="age">–</span></span></p>
</div>"""


def meaning(session: Session) -> str:
    """Gives the place for what the map shows and what it does not; of several pictures, the first."""
    return f"""
<section class="live-meaning" data-feed="0" aria-label="What the map shows">
  <p class="live-sentences">{_of_first(session)}<b class="live-evidence" data-live="evidence" hidden></b>
    <span data-live="meaning"></span></p>
  <p class="live-how" data-live="how" data-names="{escape(json.dumps(METHOD_NAMES))}"></p>
</section>"""


def _of_first(session: Session) -> str:
    return f"<span>{escape(session.feeds[0].name)}:</span> " if len(session.feeds) > 1 else ""


def note(name: str, notes: Mapping[Any, str]) -> str:
    """Gives the place for the line that says what the chosen value of the setting `name` is for."""
    lines = "".join(f'<span data-value="{escape(value)}" hidden>{escape(line)}</span>' for value, line in notes.items())
    return f'<p class="live-note" data-setting="{name}">{lines}</p>'


def keeping(recorded: bool) -> str:
    """Gives the controls for what is kept: recordings, where there may be any, and a link to the settings."""
    parts = f"{_RECORD}{_LINK}{_RECORDED}" if recorded else _LINK
    return f"""
<section class="live-keeping{" live-recording" if recorded else ""}" aria-label="Keep">{parts}
</section>"""


STRIP = '<div class="live-strip"></div>'
"""The place for the film strip of the last snapshots."""

TOAST = '<p class="live-toast" data-live="toast" role="status"></p>'
"""The place for what went wrong with a control."""
