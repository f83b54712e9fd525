"""The line at the top of the page, and the dialogs."""

from __future__ import annotations

from typing import Final

from live_cam.web.ui.markup.icons import icon
from live_cam.web.ui.markup.source_menu import source_menu

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

_RUN = f"""
<button type="button" class="live-run" data-live="run" title="Open or close the source">{icon("power")}
  <span data-live="run-word">Stop</span></button>"""

_MODELS = '<p class="live-models" data-live="models"></p>'

_TEACH = f"""
<button type="button" class="live-run" data-live="teach" aria-expanded="false" title="Teach classes of your own"
  >{icon("teach")}<span>Teach</span></button>"""

_FIGURES = """
<p class="live-figures" hidden><span><span data-live="fps">–</span> fps</span> ·
  <span title="Latency: from the capture of a frame until it is painted here" data-live="latency">–</span></p>"""

_BUTTONS = f"""
<div class="live-head-buttons">
  <button type="button" class="live-icon-button" data-live="present" aria-label="Present" title="Present: picture and
 answer alone, as large as the screen">{icon("present")}</button>
  <button type="button" class="live-icon-button" data-live="theme" aria-label="Theme" title="Light or dark"
    >{icon("theme")}</button>
  <button type="button" class="live-icon-button" data-live="keys" aria-haspopup="dialog" aria-label="Keys"
    title="Show the keys">{icon("help")}</button>
</div>"""

_RECORDED_NOTICE = (
    '<p class="live-recorded">This camera is recorded: the video, with everyone in it, is saved or broadcast.</p>'
)


def head(num_feeds: int, kiosk: bool, is_recorded: bool = False, teaches: bool = False) -> str:
    """Returns the top line: name, source and model, and either figures and buttons or a kiosk's notice.

    Args:
        num_feeds: The number of feeds; 0 for a visitor's.
        kiosk: Whether to leave out all buttons.
        is_recorded: Whether a kiosk says that its visitors are recorded.
        teaches: Whether viewers can teach classes.
    """
    if num_feeds == 1:
        source = f'<div class="live-source"><span class="live-dot"></span>{source_menu(0, kiosk)}</div>'
    else:
        source = f'<div class="live-source">{num_feeds} sources</div>' if num_feeds else ""
    if kiosk:
        rest = f'<div class="live-kiosk" data-idle-s="60"></div>{_RECORDED_NOTICE * is_recorded}'
    else:
        rest = f"{_RUN if num_feeds else ''}{_MODELS}{_TEACH * teaches}{_FIGURES}{_BUTTONS}"
    return f'<header class="live-head" data-feed="0"><h1>live_cam</h1>{source}{rest}</header>'


DIALOGS: Final = _HELP + _ASK
"""The list of keys, and the question before others see a change."""


TOAST: Final = '<p class="live-toast" data-live="toast" role="status"></p>'
"""The place for short messages."""
