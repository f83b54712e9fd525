"""Where the frames are painted: the stage of a visitor or of a single feed, or a grid of tiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from live_cam.render.legend import LEGEND_ENDS
from live_cam.sources.camera import CameraOptions
from live_cam.web.ui.markup.answers import METHOD_NAMES, class_list, name_id, trust
from live_cam.web.ui.markup.controls import tile_tools
from live_cam.web.ui.markup.icons import icon
from live_cam.web.ui.markup.source_menu import source_menu

_OWN_NOTICE = (
    "Your pictures go to this server, which explains them. Nobody else sees them here, and nothing of them is kept"
)
_OWN_CAMERA = """
<div class="live-own">
  <button type="button" data-live="own-start" disabled>Show my camera</button>
  <button type="button" data-live="own-switch" title="Other camera" hidden>Other camera</button>
  <button type="button" data-live="own-stop" hidden>Stop</button>
</div>"""
_RETRY = '<div class="live-own"><button type="button" data-live="retry" hidden>Try now</button></div>'

_LEGEND = f"""
<p class="live-legend" data-live="legend" data-style="heatmap" data-colormap="viridis"
  data-ends="{escape(json.dumps(LEGEND_ENDS))}">
  <span data-live="legend-weak">weak</span><span class="live-ramp" aria-hidden="true"></span>
  <span data-live="legend-strong">strong</span></p>"""

# What stands beneath the picture while it is presented.
_BAND = f"""
<div class="live-band">
  <p class="live-big" data-live="big"><strong data-live="big-name"></strong> <span data-live="big-percent"></span></p>
  <p data-live="big-sentence"></p>
  <button type="button" class="live-icon-button" data-live="leave" aria-label="Leave the presentation"
    title="Leave the presentation (key Esc)">{icon("close")}</button>
</div>"""


def stages(
    num_feeds: int, camera: CameraOptions, kiosk: bool, num_ranks: Sequence[int], has_votes: bool = False
) -> str:
    """Returns the stage of a visitor or of a single feed, or a grid of tiles, each with its own class list.

    Args:
        num_feeds: The number of feeds; 0 for a visitor's.
        camera: Options of visitors' cameras.
        kiosk: Whether to leave out all buttons.
        num_ranks: The number of classes to list for each model.
        has_votes: Whether each place is known to speak for classes.
    """
    band = "" if kiosk else _BAND
    buttons = "" if kiosk else _RETRY + _BAND
    stacked = "data-two" * (len(num_ranks) > 1)  # one above the other on phones
    attributes = f"{stacked} {'data-votes' * (has_votes and not kiosk)}"
    if num_feeds == 0:
        width_px, height_px = camera.size_px or ("", "")
        options = f'data-width="{width_px}" data-height="{height_px}" data-rate="{camera.rate_fps or ""}"'
        own = f'data-own {attributes} {options} data-mirror="{str(camera.mirror).lower()}"'
        return _stage(0, own, _OWN_NOTICE, _OWN_CAMERA + band)
    if num_feeds == 1:
        return _stage(0, attributes, buttons=buttons)
    tiles = (
        f'<section class="live-tile" aria-labelledby="{name_id(number)}">'
        f'<h2 data-feed="{number}">{source_menu(number, kiosk, name_id(number))}</h2>'
        f"{_stage(number, attributes, buttons=buttons)}"
        f"{'' if kiosk else tile_tools(number, num_ranks[0])}"
        f"{class_list(number, num_ranks, tile=True)}{trust(number, brief=True)}</section>"
        for number in range(num_feeds)
    )
    return f'<div class="live-grid">{"".join(tiles)}</div>'


def _stage(number: int, attributes: str = "", notice: str = "Connecting", buttons: str = "") -> str:
    return f"""
<div class="live-stage" data-feed="{number}" data-names="{escape(json.dumps(METHOD_NAMES))}" {attributes}>
  <img class="live-poster" src="poster.jpg?feed={number}" alt="">
  <div class="live-view">
    <canvas width="640" height="480" role="img" aria-label="Live overlay of the map"></canvas>
    <div class="live-occlusion"></div>
    <p class="live-caption" data-live="caption" hidden></p>
    <p class="live-caption live-caption-right" data-live="caption-right" hidden></p>
    <div class="live-below">
      <div class="live-chips" role="status">
        <p class="live-chip" data-live="recorded" hidden>Recording</p>
        <p class="live-chip" data-live="frozen" hidden>Frozen</p>
        <p class="live-chip" data-live="preparing" hidden></p>
        <p class="live-chip live-scene" data-live="scene" hidden></p>
      </div>{_LEGEND}
    </div>
  </div>
  <p class="live-notice" data-live="notice" role="status">{notice}</p>{buttons}
</div>"""
