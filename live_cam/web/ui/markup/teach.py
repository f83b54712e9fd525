"""The panel where classes are taught, and what the page shows of as many classes as there may then be."""

from __future__ import annotations

from typing import Final

from live_cam.explain.results import TOP_N
from live_cam.pipeline.session import Session
from live_cam.teach.examples import NOTHING
from live_cam.teach.labels import MAX_CHARS
from live_cam.web.ui.markup.controls import feed
from live_cam.web.ui.markup.icons import icon

_EXPORT: Final = """
<button type="button" class="live-button" data-live="teach-keras"
  title="The whole model, for plain Keras; takes a while">Export .keras</button>"""


def offers_teaching(session: Session, kiosk: bool) -> bool:
    """Returns whether viewers teach classes: before one camera, or their own; in a kiosk only those that are given."""
    return len(session.feeds) < 2 and session.can_teach and (not kiosk or bool(session.taught_labels))


def num_ranks_of(session: Session) -> list[int]:
    """Returns the number of classes to list for each model; those to be taught may be more than the model has."""
    if session.can_teach:
        return [TOP_N]
    return [min(TOP_N, len(explainer.classifier.labels)) for explainer in session.explainers]


def teach_panel(session: Session) -> str:
    """Returns the panel that takes the place of the answers while classes are taught; its script fills it."""
    export = _EXPORT * (session.explainer.classifier.explained_by == "gradients")
    return f"""
<section class="live-teach" {feed(0, not session.feeds)} id="live-teach" aria-labelledby="live-teach-title" hidden>
  <div class="live-card">
    <h2 id="live-teach-title">Teach</h2>
    <p>Hold a button, or its number key, while you show it to the camera. Show each class several times, in different
      places.</p>
    <ol data-live="teach-classes"></ol>
    <form data-live="teach-add">
      <input type="text" aria-label="Add a class" placeholder="Add a class" maxlength="{MAX_CHARS}" autocomplete="off">
      <button class="live-button">Add</button>
    </form>
    <p data-live="teach-nothing"><button type="button" class="live-unlock">Add “{NOTHING}”</button>
      for when none of the others is there: without it, one of them is always the answer.</p>
    <p class="live-teach-message" data-live="teach-message" role="alert"></p>
  </div>
  <div class="live-card" data-live="teach-learnt" role="status">
    <p class="live-sentence" data-live="teach-accuracy">{icon("check")}{icon("help")}<span></span></p>
    <ul data-live="teach-warnings"></ul>
  </div>
  <div class="live-teach-tools">
    <button type="button" class="live-button" data-live="teach-undo">Undo take</button>
    <button type="button" class="live-button" data-live="teach-use" aria-pressed="false"
      title="Answer in these classes, or again in the model's own">Use these classes</button>
    <button type="button" class="live-button" data-live="teach-save"
      title="What was learnt, for --head: weights and names, no pictures">Save</button>{export}
    <button type="button" class="live-button" data-live="teach-zip"
      title="The pictures as a ZIP, for live-cam teach">Save examples</button>
    <button type="button" class="live-button" data-live="teach-reset">Start over</button>
  </div>
  <dialog class="live-ask" aria-labelledby="live-teach-ask">
    <h2 id="live-teach-ask">Start over?</h2>
    <p>All classes and their pictures are forgotten.</p>
    <form method="dialog">
      <button class="live-button" value="" autofocus>Keep them</button>
      <button class="live-button" value="yes">Start over</button>
    </form>
  </dialog>
</section>"""


def kiosk_teach(session: Session) -> str:
    """Returns the place where visitors of a kiosk teach the classes that are given; its script fills it."""
    return f"""
<section class="live-teach live-kiosk-teach live-card" {feed(0, not session.feeds)} aria-label="Teach it">
  <p class="live-prompt">Hold a button while you show something to the camera. Then hold the other one, and show
    something else.</p>
  <ol data-live="teach-classes"></ol>
  <div role="status">
    <p data-live="teach-message"></p>
    <p data-live="teach-accuracy"></p>
    <ul data-live="teach-warnings"></ul>
  </div>
  <button type="button" class="live-button" data-live="teach-reset">Start over</button>
</section>"""
