"""One stream of overlays: the frames of a source or visitor, its state, and its viewers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.broadcast import Broadcaster
from live_cam.pipeline.faithfulness_monitor import FaithfulnessMonitor
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.teaching import Teaching
from live_cam.pipeline.watchdog import SourceStatus, Watchdog
from live_cam.sinks.publish.publisher import Publisher
from live_cam.sinks.recorder import Recorder
from live_cam.sources.base import SourceKind
from live_cam.types import EncodedFrame, Frame

_HAS_CAMERA_LENS = ("camera", "network", "browser")


class Feed:
    """Frames on their way from one source to its viewers.

    `offer` is called by whoever captures, `publish`, `fail` and `take_top_maps_requests` by the worker, `record_to` and
    `publish_to` by whoever records and publishes; all of them, and the properties, from any thread.

    Attributes:
        name, kind: The source's, of the one that is shown now.
        settings: What viewers may change.
        broadcaster: The newest overlay and its viewers.
        metrics: The counters.
        watchdog: Judges the source.
        faithfulness: Measures how faithful the maps are.
        teaching: The classes that its audience teaches; None where none can be taught.
    """

    def __init__(
        self,
        name: str,
        kind: SourceKind,
        settings: SettingsStore,
        frame_queue: FrameQueue[Feed],
        total: Metrics,
        source_id: str = "",
        clock: Clock = MONOTONIC,
    ) -> None:
        """Creates a feed without frames.

        Args:
            name: The source's display name.
            kind: The kind of source.
            settings: What viewers may change.
            frame_queue: Where frames wait for the worker.
            total: Metrics that count this feed, too.
            source_id: Unique among feeds; the name by default.
            clock: For the watchdog, the metrics, the faithfulness test and recordings.
        """
        self.name = name
        self.kind: SourceKind = kind
        self.settings = settings
        self.broadcaster = Broadcaster()
        self.metrics = Metrics(total, clock)
        self.watchdog = _watchdog(name, kind, clock)
        self.faithfulness = FaithfulnessMonitor(np.random.default_rng(), clock)
        self.teaching: Teaching | None = None
        self._source_id = self._first_source_id = source_id or name
        self._frame_queue = frame_queue
        self._clock = clock
        self._lock = threading.RLock()
        self._next_seq = self._first_seq = 0
        self._last: Frame | None = None
        self._failure = ""
        self._recorder: Recorder | None = None
        self._publishers: tuple[Publisher, ...] = ()
        self._top_maps_requests: list[Future[None]] = []
        settings.add_listener(self.reexplain)

    @property
    def next_seq(self) -> int:
        """The number of the next frame."""
        return self._next_seq

    @property
    def failure(self) -> str:
        """Why the last frame could not be explained; empty if it was."""
        return self._failure

    @property
    def status(self) -> SourceStatus:
        """The state of the source, or why nothing is explained."""
        if not self.settings.current.running:
            return SourceStatus("ended", "Stopped; press Start to go on")
        status = self.watchdog.status
        return SourceStatus("lost", self._failure) if status.state == "live" and self._failure else status

    @property
    def unhealthy_reason(self) -> str:
        """Why no frame is explained though it should be; empty if all is well."""
        status = self.status
        if self.settings.current.frozen:
            return self._failure
        if status.state in ("starting", "ended"):
            return ""
        if status.state == "live" and self.metrics.read().age_p50_ms is not None:
            return ""
        return self._failure or status.message or f"{self.name}: no frame is explained"

    def offer(self, frame: Frame, frozen_after_s: float | None, seq: int | None = None) -> Frame | None:
        """Numbers a captured frame, and queues it if it is usable.

        Args:
            frame: The frame.
            frozen_after_s: See `live_cam.sources.base.Stream`.
            seq: Its number, where the client counts; the next one by default.

        Returns:
            The frame as it was queued; None if it was not: the source is stopped, the view frozen (but for its first
            frame), the frame not usable, or a later one came before it.
        """
        settings = self.settings.current
        if not settings.running:
            return None
        with self._lock:
            if seq is not None and seq < self._next_seq:
                return None
            frame = replace(frame, seq=self._next_seq if seq is None else seq, source_id=self._source_id)
            self._next_seq = frame.seq + 1
            self.metrics.count_captured()
            is_usable = self.watchdog.judge(frame.rgb, frozen_after_s)
            if not is_usable or (settings.frozen and self._last is not None):
                self.metrics.count_dropped()
                return None
            self._last = frame
            if self._frame_queue.put(self, frame):
                self.metrics.count_dropped()
        return frame

    def switch(self, name: str, kind: SourceKind) -> None:
        """Starts afresh with another source: nothing of the one before is shown, smoothed or judged from now on.

        Its viewers stay, and see the last overlay until the first of the new source.
        """
        with self._lock:
            self.name, self.kind = name, kind
            self._first_seq = self._next_seq
            self._source_id = f"{self._first_source_id} from frame {self._first_seq}"
            self.watchdog = _watchdog(name, kind, self._clock)
            self.faithfulness = FaithfulnessMonitor(np.random.default_rng(), self._clock)
            self._last = None
            self._failure = ""
            if self._frame_queue.remove(self):
                self.metrics.count_dropped()
            self.broadcaster.forget()

    def reexplain(self) -> None:
        """Queues the last frame again, to be explained under the current settings, unless a newer one waits."""
        with self._lock:
            if self._last is None:
                return
            again = replace(self._last, revision=self._last.revision + 1)
            if self._frame_queue.requeue(self, again):
                self._last = again

    def on_taken(self, listener: Callable[[], None]) -> None:
        """Has `listener` called, by the worker, whenever it takes a frame of this feed."""
        self._frame_queue.on_taken(self, listener)

    def request_top_maps(self) -> Future[None]:
        """Asks for maps of the top classes; the future is set once the next frame is shown, with them if possible."""
        request: Future[None] = Future()
        with self._lock:
            self._top_maps_requests.append(request)
        return request

    def take_top_maps_requests(self) -> list[Future[None]]:
        """Returns those who asked, once; called by the worker."""
        with self._lock:
            requests, self._top_maps_requests = self._top_maps_requests, []
        return [request for request in requests if request.set_running_or_notify_cancel()]

    def publish(self, encoded: EncodedFrame, overlay_rgb: NDArray[np.uint8]) -> None:
        """Shows an overlay to the viewers, records and publishes it; one of an earlier source it drops.

        Args:
            encoded: The overlay.
            overlay_rgb: uint8 (H, W, 3), RGB: the same before encoding.
        """
        settings, is_new = self.settings.current, encoded.frame.revision == 0
        with self._lock:
            is_current = encoded.frame.seq >= self._first_seq
            if is_current:
                self._failure = ""
                self.faithfulness.follow(encoded.explanation)
                self.broadcaster.publish(encoded)
            sinks: list[Recorder | Publisher] = [*self._publishers]
            if self._recorder is not None:
                sinks.append(self._recorder)
        if not is_current:
            if is_new:
                self.metrics.count_dropped()
            return
        if sinks and (is_new or settings.is_still):
            # A still frame explained again is shown now, not when it was captured.
            pts_ns = encoded.pts_ns if is_new else self._clock.now_ns()
            shown = replace(encoded, frame=replace(encoded.frame, pts_ns=pts_ns))
            for sink in sinks:
                sink.put(overlay_rgb, shown)
        if is_new:
            self.metrics.count_explained(encoded.pts_ns)

    def fail(self, frame: Frame, reason: str) -> bool:
        """Notes that a frame could not be explained, and returns whether the one before it could."""
        with self._lock:
            is_current = frame.seq >= self._first_seq
            is_first = is_current and not self._failure
            if is_current:
                self._failure = reason
        if frame.revision == 0:
            self.metrics.count_dropped()
        return is_first

    def record_to(self, recorder: Recorder | None) -> None:
        """Records from now on, or no longer."""
        with self._lock:
            self._recorder = recorder

    def publish_to(self, publishers: Sequence[Publisher]) -> None:
        """Publishes from now on."""
        with self._lock:
            self._publishers = tuple(publishers)

    def close(self) -> None:
        """Disconnects the viewers and removes what waits."""
        self.settings.remove_listener(self.reexplain)
        self.broadcaster.close()
        if self._frame_queue.remove(self):
            self.metrics.count_dropped()


def _watchdog(name: str, kind: SourceKind, clock: Clock) -> Watchdog:
    return Watchdog(name, clock, kind in _HAS_CAMERA_LENS, kind == "network")
