"""One picture on the screen: what a source or a visitor gives, how that is, and who watches it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from live_cam.frame import Frame
from live_cam.pipeline.clock import Clock, MonotonicClock
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.trust import Trust
from live_cam.pipeline.watchdog import SourceStatus, Watchdog
from live_cam.sinks.hub import Hub
from live_cam.sinks.recorder import Recorder
from live_cam.sources.source import SourceKind

_WITH_A_LENS = ("camera", "network", "browser")


class Feed:
    """Frames on their way from one source to those who watch it.

    Attributes:
        name, kind: The source's.
        controls: What viewers may turn.
        hub: Where viewers get the pictures.
        statistics: The counts.
        watchdog: What judges the source.
        trust: How far the maps can be trusted.
        failure: Why the last frame could not be explained; empty while all is well.
        recorder: Where pictures are kept, if anywhere.
        on_taken: Called by the worker when it takes this feed's frame.
        next_seq: The number that the next frame will get.
    """

    def __init__(
        self,
        name: str,
        kind: SourceKind,
        controls: Controls,
        inbox: Inbox,
        total: Statistics,
        source_id: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Makes a feed from which nothing has come yet.

        Args:
            name: What people call the source.
            kind: What sort of source it is.
            controls: What viewers may turn.
            inbox: Where frames wait for the step.
            total: Statistics into which this feed counts, too.
            source_id: What tells this feed from all others; its name, unless that is shared.
            clock: What the watchdog goes by.
        """
        self.name = name
        self.kind: SourceKind = kind
        self.controls = controls
        self.hub = Hub()
        self.statistics = Statistics(total)
        self.watchdog = Watchdog(name, clock or MonotonicClock(), kind in _WITH_A_LENS)
        self.trust = Trust(np.random.default_rng())
        self.failure = ""
        self.recorder: Recorder | None = None
        self.on_taken: Callable[[], None] = lambda: None
        self.next_seq = 0
        self._source_id = source_id or name
        self._inbox = inbox
        self._offering = threading.Lock()
        self._last: Frame | None = None
        # Below -1, which stands for no picture with those who ask for the next.
        self._numbers_again = itertools.count(-2, -1)
        controls.listen(self.show_again)

    @property
    def status(self) -> SourceStatus:
        """How the source is, or why nothing is explained."""
        if not self.controls.settings.running:
            return SourceStatus("ended", "Stopped; press Start to go on")
        status = self.watchdog.status
        return SourceStatus("lost", self.failure) if status.state == "live" and self.failure else status

    def offer(self, frame: Frame, frozen_after_s: float | None) -> bool:
        """Takes in a frame, which gets its number here, and lays it out for the step if it is fit to be explained.

        Returns:
            Whether it was laid out; while the picture is frozen, none is but the first.
        """
        settings = self.controls.settings
        if not settings.running:
            return False
        with self._offering:
            frame = replace(frame, seq=self.next_seq, source_id=self._source_id)
            self.next_seq += 1
            self.statistics.count_captured()
            fit = self.watchdog.judge(frame.rgb, frozen_after_s)
            wanted = fit and not (settings.frozen and self._last is not None)
            if wanted:
                self._last = frame
                self._inbox.put(self, frame)
            else:
                self.statistics.count_dropped()
        return wanted

    def show_again(self) -> None:
        """Has the last frame explained under the settings as they are now, in case no other comes soon."""
        with self._offering:
            if self._last is not None:
                self._inbox.put_again(self, replace(self._last, seq=next(self._numbers_again)))

    def close(self) -> None:
        """Ends those who watch, and forgets what waits."""
        self.controls.forget(self.show_again)
        self.hub.close()
        self._inbox.remove(self)
