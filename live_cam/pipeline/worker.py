"""The thread that explains frames: step, overlay, encoding, hub."""

from __future__ import annotations

import logging
import threading

from live_cam.explain.explainer import Explain
from live_cam.frame import EncodedFrame, Frame
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.mailbox import Mailbox
from live_cam.pipeline.statistics import Statistics
from live_cam.render.overlay import overlay
from live_cam.sinks.hub import Hub
from live_cam.sinks.jpeg import encode_jpeg

_log = logging.getLogger(__name__)


class WorkerThread(threading.Thread):
    """Takes the newest frame, explains it under the settings in force and publishes the picture.

    Attributes:
        failure: Why the last frame could not be explained; empty while all is well.
    """

    def __init__(
        self, explainer: Explain, mailbox: Mailbox[Frame], controls: Controls, statistics: Statistics, hub: Hub
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self.failure = ""
        self._explainer = explainer
        self._mailbox = mailbox
        self._controls = controls
        self._statistics = statistics
        self._hub = hub

    def run(self) -> None:
        """Works until the mailbox is closed."""
        while (frame := self._mailbox.take()) is not None:
            try:
                self._publish(frame)
            except Exception as error:
                if not self.failure:
                    _log.exception("explaining a frame of %s failed", frame.source_id)
                self.failure = f"Explaining failed: {error}"
            else:
                self.failure = ""

    def _publish(self, frame: Frame) -> None:
        settings = self._controls.settings
        explanation = self._explainer.explain(frame, settings.target)
        picture = overlay(frame, explanation, settings.opacity, settings.colormap)
        self._hub.publish(EncodedFrame(encode_jpeg(picture), frame.seq, frame.pts_ns, explanation))
        self._statistics.count_explained(frame.pts_ns)
