"""The thread that explains frames: step, overlay, encoding, hub."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from live_cam.explain.explainer import Explain
from live_cam.frame import EncodedFrame, Explanation, Frame, Target
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.render.overlay import overlay
from live_cam.sinks.jpeg import encode_jpeg

_log = logging.getLogger(__name__)

_SMOOTHING = 0.2


class WorkerThread(threading.Thread):
    """Takes the newest frames, explains them under the settings in force and publishes the pictures.

    Attributes:
        turn_s: How long one frame takes from the step to the encoded picture, smoothed.
    """

    def __init__(self, explainer: Explain, inbox: Inbox, at_once: int = 1) -> None:
        """Prepares the thread.

        Args:
            explainer: What explains.
            inbox: Where frames wait.
            at_once: How many frames are explained in one call when as many wait; their feeds share their controls.
        """
        super().__init__(name="worker", daemon=True)
        self.turn_s = 0.0
        self._explainer = explainer
        self._inbox = inbox
        self._at_once = at_once

    def run(self) -> None:
        """Works until the inbox is closed."""
        # A batch of another size would have to be compiled first, which takes seconds.
        while batch := self._inbox.take(self._at_once):
            begin_s = time.monotonic()
            self._explain(batch)
            taken_s = (time.monotonic() - begin_s) / len(batch)
            self.turn_s += _SMOOTHING * (taken_s - self.turn_s) if self.turn_s else taken_s

    def _explain(self, batch: Sequence[tuple[Feed, Frame]]) -> None:
        failure = ""
        try:
            for feed, _ in batch:
                feed.on_taken()
            settings = batch[0][0].controls.settings
            answers = self._explainer.explain_all([frame for _, frame in batch], [Target(settings.target)])
            for (feed, frame), (explanation,) in zip(batch, answers, strict=True):
                _publish(feed, frame, explanation)
        except Exception as error:
            failure = f"Explaining failed: {error}"
            if not batch[0][0].failure:
                _log.exception("explaining a frame of %s failed", batch[0][0].name)
        for feed, _ in batch:
            feed.failure = failure
            if failure:
                feed.statistics.count_dropped()


def _publish(feed: Feed, frame: Frame, explanation: Explanation) -> None:
    settings = feed.controls.settings
    picture = overlay(frame, explanation, settings.look)
    shown = EncodedFrame(encode_jpeg(picture), frame, explanation, settings.look)
    feed.hub.publish(shown)
    if (recorder := feed.recorder) is not None:
        recorder.put(picture, shown)
    feed.statistics.count_explained(frame.pts_ns)
