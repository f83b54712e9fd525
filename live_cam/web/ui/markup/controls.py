"""The questions and the tools under the picture."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from live_cam.pipeline.settings import Mode
from live_cam.web.ui.markup.icons import icon

_MODES: Final[tuple[Mode, ...]] = ("class", "contrast", "counterfactual", "side_by_side")

_SNAPSHOT = f"""
<button type="button" class="live-button" data-live="snapshot"
  title="Save this frame, with all that is needed to reproduce its explanation">{icon("snapshot")}Snapshot</button>"""

_OCCLUDE = f"""
<button type="button" class="live-button" data-live="occlude" aria-pressed="true"
  title="Point at the picture, or press the arrow keys here, to hide an area and see how the probabilities change"
  >{icon("hide")}Hide an area</button>"""

_SNAPSHOT_STATUS = '<p class="live-status" data-live="snapshot-status" role="status"></p>'

_FREEZE = f"""
<button type="button" class="live-button" data-live="freeze" title="Freeze the frame, or resume"
  >{icon("freeze")}{icon("resume")}<span data-live="freeze-word">Freeze</span></button>"""

_RECORD = f"""
<button type="button" class="live-button" data-live="record" title="Record, or stop recording"
  >{icon("record")}{icon("stop")}<span data-live="record-word">Record</span></button>"""

_LINK = f"""
<button type="button" class="live-button" data-live="link" title="Copy a link to these settings"
  >{icon("link")}Link</button>"""

_RECORD_VIEW = """
<select class="live-select" data-live="record-view" aria-label="Recorded view" title="Recorded view">
  <option value="overlay">overlay</option>
  <option value="raw">camera only</option>
  <option value="both">side by side</option>
</select>"""

_RECORDED = """
<div class="live-recorded-files">
  <p data-live="record-status" role="status"></p>
  <p data-live="record-figures"></p>
  <button type="button" class="live-unlock" data-live="record-last" title="The files of the recording that ended before
 this page was opened" hidden>Last recording</button>
  <ul data-live="record-files" aria-label="Recorded files"></ul>
</div>"""


def controls(num_feeds: int, modes: Collection[Mode], num_maps: int) -> str:
    """Returns the bar of questions, whose names come with the frames, and the tools.

    Args:
        num_feeds: The number of feeds; 0 for a visitor's. Each of several has maps of its own.
        modes: The modes to offer.
        num_maps: The number of top classes whose maps can be shown at once.
    """
    return f'<div class="live-controls">{_questions(num_feeds, modes, num_maps)}{_tools(num_feeds)}</div>'


def _questions(num_feeds: int, modes: Collection[Mode], num_maps: int) -> str:
    radios = "".join(
        f'<label class="live-question" data-live="mode-{mode}"><input type="radio" name="live-mode" value="{mode}">'
        "<span></span></label>"
        for mode in _MODES
        if mode in modes
    )
    top = "" if num_feeds > 1 else _top(0, num_maps, num_feeds == 0)
    return f"""
<div class="live-questions" {feed(0, num_feeds == 0)}{" data-several" * (num_feeds > 1)}>
  <fieldset><legend class="live-hidden">What to explain</legend>{radios}</fieldset>{top}
</div>"""


def _tools(num_feeds: int) -> str:
    # Snapshots and hidden areas of several feeds are with each of them.
    records = num_feeds > 0
    single = _OCCLUDE + _SNAPSHOT if num_feeds < 2 else ""
    return f"""
<section class="live-tools{" live-recording" * records}" {feed(0, num_feeds == 0)} aria-label="Tools">
  <div class="live-toolbar">{_FREEZE}{single}{(_RECORD + _LINK + _RECORD_VIEW) if records else _LINK}</div>
  {_SNAPSHOT_STATUS if num_feeds < 2 else ""}{_RECORDED if records else ""}
</section>"""


def tile_tools(number: int, num_maps: int) -> str:
    """Returns the tools of one of several feeds."""
    return f"""
<div class="live-tools" {feed(number)}>
  {_OCCLUDE}{_SNAPSHOT}{_top(number, num_maps)}{_SNAPSHOT_STATUS}
</div>"""


def _top(number: int, num_maps: int, own: bool = False) -> str:
    return f'<div class="live-top" {feed(number, own)} data-maps="{num_maps}"></div>'


def feed(number: int, own: bool = False) -> str:
    """Returns the attributes of an element that belongs to a feed, or to a visitor's own."""
    return f'data-feed="{number}"' + (" data-own" if own else "")


def note(setting: str) -> str:
    """Returns the place for the note on the current value of a setting."""
    return f'<p class="live-note" data-setting="{setting}"></p>'


STRIP: Final = '<div class="live-strip"></div>'
"""The place for the last snapshots."""
