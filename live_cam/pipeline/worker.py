"""The thread that explains frames: step, overlay, encoding, hub."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from live_cam.explain.explainer import Explain
from live_cam.frame import ClassScore, EncodedFrame, Explanation, Frame
from live_cam.pipeline.controls import Settings
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Aside, Batch, Inbox
from live_cam.pipeline.lenses import Lenses
from live_cam.pipeline.painting import paint
from live_cam.pipeline.questions import targets
from live_cam.sinks.jpeg import encode_jpeg

_log = logging.getLogger(__name__)

_SMOOTHING = 0.2
# Three pictures make a measurement, of which there are two a second.
_TEST_EVERY_S = 1 / 6


class WorkerThread(threading.Thread):
    """Takes the newest frames, explains them under the settings in force and publishes the pictures.

    Attributes:
        turn_s: How long one frame takes from the step to the encoded picture, smoothed.
    """

    def __init__(self, explainer: Explain, inbox: Inbox, lenses: Lenses, at_once: int = 1) -> None:
        """Prepares the thread.

        Args:
            explainer: What explains.
            inbox: Where frames wait.
            lenses: What gives the layer and the method.
            at_once: How many frames are explained in one call when as many wait; their feeds share their controls.
        """
        super().__init__(name="worker", daemon=True)
        self.turn_s = 0.0
        self._explainer = explainer
        self._inbox = inbox
        self._lenses = lenses
        self._at_once = at_once
        self._testable: dict[Feed, None] = {}
        self._test_due_s = 0.0
        self._test_failed = False

    def run(self) -> None:
        """Works until the inbox is closed."""
        while not self._inbox.closed:
            # A batch of another size would be explained frame by frame all the same.
            taken = self._inbox.take(self._at_once, _TEST_EVERY_S)
            if isinstance(taken, Aside):
                taken.run(self._explainer)
            elif taken:
                begin_s = time.monotonic()
                self._explain(taken)
                taken_s = (time.monotonic() - begin_s) / len(taken)
                self.turn_s += _SMOOTHING * (taken_s - self.turn_s) if self.turn_s else taken_s
            if time.monotonic() >= self._test_due_s:
                self._test()

    def _explain(self, batch: Batch) -> None:
        failure = ""
        again = [_was_shown(feed, frame) for feed, frame in batch]
        try:
            for feed, _ in batch:
                feed.on_taken()
            settings = batch[0][0].controls.settings
            answers = self._answer(batch, settings)
            for (feed, frame), answer, was_shown in zip(batch, answers, again, strict=True):
                _publish(feed, frame, answer, settings, was_shown)
                self._testable[feed] = None
        except Exception as error:
            failure = f"Explaining failed: {error}"
            if not batch[0][0].failure:
                _log.exception("explaining a frame of %s failed", batch[0][0].name)
        for (feed, _), was_shown in zip(batch, again, strict=True):
            feed.failure = failure
            if failure and not was_shown:
                feed.statistics.count_dropped()

    def _answer(self, batch: Batch, settings: Settings) -> list[list[Explanation]]:
        """Gives for each frame the explanations to show.

        The likeliest class may be another than in the picture before; such a frame is asked about again.
        """
        newest = batch[0][0].hub.newest
        lens = self._lenses.choose(settings.lens, self._explainer.lens if newest is None else newest.explanation.lens)
        asked = [targets(settings, _seen(feed), lens.method) for feed, _ in batch]
        if len(asked[0]) > 1:
            self._lenses.widen(lens, len(asked[0]))
        frames = [frame for _, frame in batch]
        if len({len(questions) for questions in asked}) == 1:
            answers = self._explainer.explain_each(frames, asked, lens)
        else:  # of some no second class is known yet
            answers = [
                self._explainer.explain_all([frame], questions, lens)[0]
                for frame, questions in zip(frames, asked, strict=True)
            ]
        for number, (frame, answer) in enumerate(zip(frames, answers, strict=True)):
            questions = targets(settings, answer[0].steady_top, lens.method)
            if [each.target for each in answer] != questions:
                answers[number] = self._explainer.explain_all([frame], questions, lens)[0]
        return answers

    def _test(self) -> None:
        """Puts the map of one feed to the test: of those that are watched, the one tested longest ago."""
        self._testable = {feed: None for feed in self._testable if not feed.hub.closed}
        feed = next((feed for feed in self._testable if feed.hub.viewer_count), None)
        if feed is None or feed.hub.newest is None:
            return
        del self._testable[feed]
        self._testable[feed] = None
        self._test_due_s = time.monotonic() + _TEST_EVERY_S
        try:
            feed.trust.test(feed.hub.newest, self._explainer)
        except Exception:
            if not self._test_failed:
                _log.exception("testing a map of %s failed", feed.name)
            self._test_failed = True
        else:
            self._test_failed = False


def _seen(feed: Feed) -> tuple[ClassScore, ...]:
    return () if feed.hub.newest is None else feed.hub.newest.explanation.steady_top


def _was_shown(feed: Feed, frame: Frame) -> bool:
    return feed.hub.newest is not None and feed.hub.newest.frame.rgb is frame.rgb


def _publish(feed: Feed, frame: Frame, answers: Sequence[Explanation], settings: Settings, was_shown: bool) -> None:
    explanation, other = answers[0], answers[1] if len(answers) > 1 else None
    picture = paint(frame, explanation, other, settings.look)
    shown = EncodedFrame(encode_jpeg(picture), frame, explanation, settings.look, other)
    feed.trust.ask(explanation)
    feed.hub.publish(shown)
    stands_still = settings.frozen or not settings.running
    if (recorder := feed.recorder) is not None and (stands_still or not was_shown):
        # What is asked about a picture that stands still is seen now, not when it was captured.
        recorder.put(picture, replace(shown, frame=replace(frame, pts_ns=time.monotonic_ns())) if was_shown else shown)
    if not was_shown:
        feed.statistics.count_explained(frame.pts_ns)
