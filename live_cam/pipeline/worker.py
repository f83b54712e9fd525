"""The thread that explains frames: step, overlay, encoding, broadcast."""

from __future__ import annotations

import logging
import threading

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue, Task
from live_cam.pipeline.live_model import LiveModel, SecondModel
from live_cam.pipeline.precision_monitor import PrecisionMonitor
from live_cam.pipeline.settings import Settings
from live_cam.render.encode import encode_jpeg
from live_cam.render.layout import draw_overlays
from live_cam.types import EncodedFrame, Explanation, Frame

_log = logging.getLogger(__name__)

_SMOOTHING = 0.2
# Three forward passes make one faithfulness measurement, of which there are two a second.
_MEASURE_EVERY_NS = 1_000_000_000 // 6

Batch = list[tuple[Feed, Frame]]


class Worker(threading.Thread):
    """Takes the newest frames, explains them under the current settings and publishes the overlays.

    Attributes:
        frame_interval_s: Time from one frame to the next when frames wait: step, overlay and encoding, smoothed.
        precision_monitor: Checks the first model's maps against float32.
    """

    def __init__(
        self,
        model: LiveModel,
        frame_queue: FrameQueue[Feed],
        batch_size: int = 1,
        clock: Clock = MONOTONIC,
        second: SecondModel | None = None,
    ) -> None:
        """Prepares the thread.

        Args:
            model: Explains.
            frame_queue: Where frames wait.
            batch_size: How many frames are explained in one call when as many wait; their feeds share their settings.
            clock: For the frame interval and the faithfulness measurements.
            second: Explains the same frames beside it; tasks and faithfulness are of the first alone.
        """
        super().__init__(name="worker", daemon=True)
        self.frame_interval_s = 0.0
        self.precision_monitor = PrecisionMonitor(model.explainer, clock)
        self._model = model
        self._second = second
        self._frame_queue = frame_queue
        self._batch_size = batch_size
        self._clock = clock
        self._measurable: dict[Feed, None] = {}
        self._measure_due_ns = 0
        self._measurement_failed = False

    def run(self) -> None:
        """Works until the queue is closed."""
        while not self._frame_queue.closed:
            # A batch of another size would be explained frame by frame all the same.
            taken = self._frame_queue.take(self._batch_size, _MEASURE_EVERY_NS / 1e9)
            if isinstance(taken, Task):
                taken.run(self._model.explainer)
            elif taken:
                start_ns = self._clock.now_ns()
                self._process(taken)
                interval_s = (self._clock.now_ns() - start_ns) / 1e9 / len(taken)
                change_s = interval_s - self.frame_interval_s
                self.frame_interval_s += _SMOOTHING * change_s if self.frame_interval_s else change_s
            if self._clock.now_ns() >= self._measure_due_ns:
                self._measure_faithfulness()

    def _process(self, batch: Batch) -> None:
        settings = batch[0][0].settings.current
        try:
            explained = self._explain(batch, settings)
            for (feed, frame), explanations in zip(batch, explained, strict=True):
                _publish(feed, frame, explanations, settings)
                self._measurable[feed] = None
            self.precision_monitor.follow(batch[0][1], explained[0][0])
        except Exception as error:
            is_first = [feed.fail(frame, f"Explaining failed: {error}") for feed, frame in batch]
            if is_first[0]:
                _log.exception("explaining a frame of %s failed", batch[0][0].name)

    def _explain(self, batch: Batch, settings: Settings) -> list[list[Explanation]]:
        """Returns the explanations to show for each frame: by the only model, or one by each of two."""
        frames = [frame for _, frame in batch]
        shown = [feed.broadcaster.newest for feed, _ in batch]
        first = self._model.explain(frames, settings, [each.explanation if each else None for each in shown])
        if self._second is None:
            return first
        own_settings = self._second.own_settings(settings)
        second = self._second.explain(frames, own_settings, [each.second if each else None for each in shown])
        return [[*ours, *theirs] for ours, theirs in zip(first, second, strict=True)]

    def _measure_faithfulness(self) -> None:
        """Makes one forward pass for the feed, of those with viewers, that was measured longest ago."""
        self._measurable = {feed: None for feed in self._measurable if not feed.broadcaster.closed}
        feed = next((feed for feed in self._measurable if feed.broadcaster.viewer_count), None)
        if feed is None or feed.broadcaster.newest is None:
            return
        del self._measurable[feed]
        self._measurable[feed] = None
        self._measure_due_ns = self._clock.now_ns() + _MEASURE_EVERY_NS
        try:
            feed.faithfulness.measure(feed.broadcaster.newest, self._model.explainer)
        except Exception:
            if not self._measurement_failed:
                _log.exception("measuring the faithfulness of %s failed", feed.name)
            self._measurement_failed = True
        else:
            self._measurement_failed = False


def _publish(feed: Feed, frame: Frame, explanations: list[Explanation], settings: Settings) -> None:
    explanation, second = explanations[0], explanations[1] if len(explanations) > 1 else None
    overlay_rgb = draw_overlays(frame, explanation, second, settings.overlay_style)
    encoded = EncodedFrame(encode_jpeg(overlay_rgb), frame, explanation, settings.overlay_style, second)
    feed.publish(encoded, overlay_rgb)
