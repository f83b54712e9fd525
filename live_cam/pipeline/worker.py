"""The thread that explains frames: step, overlay, encoding, broadcast."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.faithfulness_schedule import PASS_EVERY_NS, FaithfulnessSchedule
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue, Task
from live_cam.pipeline.histogram import Histogram
from live_cam.pipeline.live_model import LiveModel, SecondModel
from live_cam.pipeline.precision_monitor import PrecisionMonitor
from live_cam.pipeline.settings import Settings
from live_cam.render.encode import encode_jpeg
from live_cam.render.layout import draw_overlays
from live_cam.types import EncodedFrame, Explanation, Frame

_log = logging.getLogger(__name__)

_SMOOTHING = 0.2
_STEP_BOUNDS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

Batch = list[tuple[Feed, Frame]]


class Worker(threading.Thread):
    """Takes the newest frames, explains them under the current settings and publishes the overlays.

    Attributes:
        frame_interval_s: Time from one frame to the next when frames wait: step, overlay and encoding, smoothed.
        step_times_s: Times of the calls that explain a batch, in which each model runs once.
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
        self.step_times_s = Histogram(_STEP_BOUNDS_S)
        self.precision_monitor = PrecisionMonitor(model.explainer, clock)
        self._model = model
        self._second = second
        self._frame_queue = frame_queue
        self._batch_size = batch_size
        self._clock = clock
        self._schedule = FaithfulnessSchedule(clock)
        self._measurement_failed = False

    def run(self) -> None:
        """Works until the queue is closed."""
        while not self._frame_queue.closed:
            idle_since_ns = self._clock.now_ns()
            # A batch of another size would be explained frame by frame all the same.
            taken = self._frame_queue.take(self._batch_size, PASS_EVERY_NS / 1e9)
            self._schedule.count_idle(self._clock.now_ns() - idle_since_ns)
            if isinstance(taken, Task):
                taken.run(self._model.explainer)
            elif taken:
                start_ns = self._clock.now_ns()
                self._process(taken)
                interval_s = (self._clock.now_ns() - start_ns) / 1e9 / len(taken)
                change_s = interval_s - self.frame_interval_s
                self.frame_interval_s += _SMOOTHING * change_s if self.frame_interval_s else change_s
            if (feed := self._schedule.next_feed()) is not None:
                self._measure_faithfulness(feed)

    def _process(self, batch: Batch) -> None:
        settings = batch[0][0].settings.current
        requests = [request for feed, _ in batch for request in feed.take_top_maps_requests()]
        try:
            start_ns = self._clock.now_ns()
            explained, top_maps = self._explain(batch, settings, with_top=bool(requests))
            self.step_times_s.add((self._clock.now_ns() - start_ns) / 1e9)
            for (feed, frame), explanations in zip(batch, explained, strict=True):
                _publish(feed, frame, explanations, top_maps, settings)
                self._schedule.add(feed)
                if feed.teaching is not None:
                    feed.teaching.collect(frame)
            if self.model_of(batch[0][0]) is self._model:
                self.precision_monitor.follow(batch[0][1], explained[0][0])
        except Exception as error:
            is_first = [feed.fail(frame, f"Explaining failed: {error}") for feed, frame in batch]
            if is_first[0]:
                _log.exception("explaining a frame of %s failed", batch[0][0].name)
        for request in requests:
            request.set_result(None)

    def model_of(self, feed: Feed) -> LiveModel:
        """Returns the model that explains a feed: that of the classes its audience has taught, or the first."""
        return (feed.teaching and feed.teaching.model) or self._model

    def explain_alone(self, feed: Feed, frame: Frame) -> list[Explanation]:
        """Explains a frame of a feed without smoothing over those before it; called by tasks."""
        batch = [(feed, replace(frame, source_id=""))]
        return self._explain(batch, feed.settings.current, with_top=False)[0][0]

    def _explain(
        self, batch: Batch, settings: Settings, *, with_top: bool
    ) -> tuple[list[list[Explanation]], list[Explanation]]:
        """Returns the explanations to show for each frame: by the only model, or one by each of two.

        The second result are those of the top classes by the first model, if they were asked for and it has one frame.
        """
        frames = [replace(frame, source_id="") if settings.is_still else frame for _, frame in batch]
        shown = [feed.broadcaster.newest for feed, _ in batch]
        model = self.model_of(batch[0][0])
        explanations = [each.explanation if each and model.can_follow(each.explanation) else None for each in shown]
        top_maps: list[Explanation] = []
        if with_top and len(frames) == 1:
            of_frame, top_maps = model.explain_with_top(frames[0], settings, explanations[0])
            first = [of_frame]
        else:
            first = model.explain(frames, settings, explanations)
        if self._second is None:
            return first, top_maps
        own_settings = self._second.own_settings(settings)
        second = self._second.explain(frames, own_settings, [each.second if each else None for each in shown])
        return [[*ours, *theirs] for ours, theirs in zip(first, second, strict=True)], top_maps

    def _measure_faithfulness(self, feed: Feed) -> None:
        """Makes one forward pass for a feed."""
        shown, model = feed.broadcaster.newest, self.model_of(feed)
        if shown is None or not model.can_follow(shown.explanation):
            return
        monitor, start_ns = feed.faithfulness, self._clock.now_ns()
        try:
            monitor.measure(shown, model.explainer)
        except Exception:
            if not self._measurement_failed:
                _log.exception("measuring the faithfulness of %s failed", feed.name)
            self._measurement_failed = True
        else:
            self._measurement_failed = False
        self._schedule.count_pass(self._clock.now_ns() - start_ns)


def _publish(
    feed: Feed, frame: Frame, explanations: list[Explanation], top_maps: list[Explanation], settings: Settings
) -> None:
    explanation, second = explanations[0], explanations[1] if len(explanations) > 1 else None
    overlay_rgb = draw_overlays(frame, explanation, second, settings.overlay_style)
    encoded = EncodedFrame(
        encode_jpeg(overlay_rgb), frame, explanation, settings.overlay_style, second, tuple(top_maps)
    )
    feed.publish(encoded, overlay_rgb)
