"""One live session: a source, an explainer, the threads between them, and what can be said about it all."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from live_cam.explain.explainer import Explain
from live_cam.frame import Frame
from live_cam.pipeline.capture import CaptureThread, SourceStatus
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.mailbox import Mailbox
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.worker import WorkerThread
from live_cam.sinks.hub import Hub
from live_cam.sources.source import Source

_JOIN_LIMIT_S = 0.7


class Session:
    """Starts on entering a `with` statement, and on leaving it stops within `_JOIN_LIMIT_S`.

    A thread that a driver blocks is left behind: it is a daemon, and holds nothing that others wait for.

    Attributes:
        source, explainer: What is explained, and by what.
        controls: What viewers may turn.
        hub: Where viewers get the pictures.
        statistics: The counts.
    """

    def __init__(self, source: Source, explainer: Explain) -> None:
        self.source = source
        self.explainer = explainer
        self.controls = Controls()
        self.hub = Hub()
        self.statistics = Statistics()
        self._mailbox: Mailbox[Frame] = Mailbox()
        self._capture = CaptureThread(source, self._mailbox, self.controls, self.statistics)
        self._worker = WorkerThread(explainer, self._mailbox, self.controls, self.statistics, self.hub)

    def __enter__(self) -> Session:
        self._worker.start()
        self._capture.start()
        return self

    def request_stop(self) -> None:
        """Asks threads and viewers to end; called from any thread, and from a signal handler."""
        self._capture.request_stop()
        self._mailbox.close()
        self.hub.close()

    def __exit__(self, *_: object) -> None:
        self.request_stop()
        deadline_s = time.monotonic() + _JOIN_LIMIT_S
        for thread in (self._worker, self._capture):
            thread.join(max(0.0, deadline_s - time.monotonic()))

    @property
    def status(self) -> SourceStatus:
        """How the source is, or why nothing is explained."""
        status = self._capture.status
        if status.state == "live" and self._worker.failure:
            return SourceStatus("lost", self._worker.failure)
        return status

    @property
    def healthy(self) -> bool:
        """Whether frames flow, or it is known why they need not: the source is being opened or was stopped."""
        if self.status.state == "live":
            return self.statistics.read().age_p50_ms is not None
        return self.status.state in ("starting", "ended")

    def describe(self) -> dict[str, Any]:
        """Gives the statistics as plain values, for JSON."""
        readings, status, newest = self.statistics.read(), self.status, self.hub.newest
        return {
            "source": {
                "name": self.source.name,
                "kind": self.source.kind,
                "state": status.state,
                "message": status.message,
            },
            "frames": {
                "captured": readings.captured,
                "explained": readings.explained,
                "dropped": self._mailbox.dropped,
            },
            "fps": round(readings.fps, 1),
            "age_ms": {"p50": readings.age_p50_ms, "p95": readings.age_p95_ms},
            "top": [] if newest is None else [asdict(score) for score in newest.explanation.top],
            "target": None if newest is None else newest.explanation.target_label,
            "viewers": self.hub.viewer_count,
            "runtime": self.explainer.runtime,
            "precision": self.explainer.precision,
            "recording": None,
        }
