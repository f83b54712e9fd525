"""What the network sees, whether the map can be trusted, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from live_cam.types import Method
from live_cam.web.ui.markup.controls import feed
from live_cam.web.ui.markup.icons import icon

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

_INVITATION = '<p class="live-prompt">Touch a name, and see what speaks for it.</p>'
_AGREEMENT = """
<p class="live-agreement" data-live="agreement"></p>
<p data-live="agreement-note" hidden></p>
<p class="live-model" data-live="model-0"></p>"""
_EXPLAINED = """
<p class="live-explained" data-live="explained" hidden>Explained: <b data-live="target">–</b>
  <button type="button" class="live-unlock" data-live="unlock">unlock</button></p>"""

_BARS = """
<div class="live-drops">
  <span data-live="drop-area">bright fifth hidden</span>
  <span class="live-track"><span class="live-bar" data-live="drop-bar"></span></span><b data-live="drop">–</b>
  <span>random fifth hidden</span>
  <span class="live-track"><span class="live-bar live-bar-random" data-live="random-bar"></span></span>
  <b data-live="random">–</b>
</div>
<p class="live-how" data-live="tested"></p>"""


def class_list(
    number: int, num_ranks: Sequence[int], own: bool = False, tile: bool = False, kiosk: bool = False
) -> str:
    """Returns the list of the top classes, and the target if one is chosen.

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
    two = len(num_ranks) > 1
    label = 'aria-label="What the network sees"'
    if tile:  # its own label and the tile's name
        own_id = f"live-classes-{number}"
        label = f'id="{own_id}" aria-label="What the network sees in" aria-labelledby="{own_id} {name_id(number)}"'
    return f"""
<section class="live-class-list" {feed(number, own)} {label}>{_INVITATION * kiosk}{_AGREEMENT * two}
  <ol>{rows}</ol>{_second_list(number, num_ranks[1]) if two else ""}{_EXPLAINED}
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


def trust(number: int, brief: bool = False) -> str:
    """Returns the place for whether the map can be trusted: a sentence and, unless `brief`, what it rests on."""
    icons = icon("check") + icon("warning") + icon("help")
    sentence = f"""
<p class="live-sentence" data-live="trust">{icons}<span data-live="verdict">The map is not tested yet.</span></p>"""
    if brief:
        return f'<div class="live-trust live-card" {feed(number)}>{sentence}</div>'
    label = 'aria-label="Whether the map can be trusted"'
    return f'<section class="live-trust live-card" {feed(number)} {label}>{sentence}{_BARS}</section>'


def reading(num_feeds: int, two: bool) -> str:
    """Returns how to read the map, folded; of several feeds, for the map of the first."""
    of_first = "<p>Test, evidence and hidden areas are those of the first model.</p>" if two else ""
    return f"""
<details class="live-reading live-card" data-feed="0"><summary>How to read the map</summary>
  {meaning(num_feeds)}
  <p class="live-evidence"><span id="live-evidence">Evidence</span>
    <span class="live-meter" data-live="meter" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"
      aria-labelledby="live-evidence"><span data-live="meter-bar"></span></span>
    <b data-live="evidence-word">–</b></p>
  <p data-live="how"></p>
  <p data-live="precision" hidden></p>{of_first}
  <p>The test hides the fifth of the picture where the map is strongest, and random fifths of the same shape. The map is
    right if its own fifth costs at least twice as much probability, and 5 percentage points more.</p>
</details>"""


def kiosk_side(num_feeds: int, num_ranks: Sequence[int], own: bool, teaches: bool = False) -> str:
    """Returns what stands beside the picture in a kiosk: classes to touch, and sentences without jargon.

    Where visitors teach, that has an invitation of its own.
    """
    classes = class_list(0, num_ranks, own, kiosk=not teaches) + trust(0, brief=True) if num_feeds < 2 else _INVITATION
    return f'{classes}<section class="live-card" aria-label="What the map shows">{meaning(num_feeds)}</section>'


def meaning(num_feeds: int) -> str:
    """Returns the place for what the map shows and what it does not; of several feeds, the first."""
    of = '<span class="live-of" data-live="source"></span> ' if num_feeds > 1 else ""
    return f'<p class="live-meaning" data-feed="0">{of}<span data-live="meaning"></span></p>'


def name_id(number: int) -> str:
    """Returns the id of the name of one of several feeds."""
    return f"live-name-{number}"
