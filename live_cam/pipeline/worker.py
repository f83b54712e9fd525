"""The thread that explains frames: step, overlay, encoding, broadcast."""

from __future__ import annotations

import logging
import threading

from live_cam.clock import MONOTONIC, Clock
from live_cam.explain.base import ExplainerProtocol
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue, Task
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.settings import Settings, targets
from live_cam.render.encode import encode_jpeg
from live_cam.render.layout import draw_overlays
from live_cam.types import ClassScore, EncodedFrame, Explanation, Frame

_log = logging.getLogger(__name__)

_SMOOTHING = 0.2
# Three forward passes make one faithfulness measurement, of which there are two a second.
_MEASURE_EVERY_NS = 1_000_000_000 // 6

Batch = list[tuple[Feed, Frame]]


class Worker(threading.Thread):
    """Takes the newest frames, explains them under the current settings and publishes the overlays.

    Attributes:
        frame_interval_s: Time from one frame to the next when frames wait: step, overlay and encoding, smoothed.
    """

    def __init__(
        self,
        explainer: ExplainerProtocol,
        frame_queue: FrameQueue[Feed],
        layer_loader: LayerLoader,
        batch_size: int = 1,
        clock: Clock = MONOTONIC,
    ) -> None:
        """Prepares the thread.

        Args:
            explainer: Explains.
            frame_queue: Where frames wait.
            layer_loader: Prepares layers.
            batch_size: How many frames are explained in one call when as many wait; their feeds share their settings.
            clock: For the frame interval and the faithfulness measurements.
        """
        super().__init__(name="worker", daemon=True)
        self.frame_interval_s = 0.0
        self._explainer = explainer
        self._frame_queue = frame_queue
        self._layer_loader = layer_loader
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
                taken.run(self._explainer)
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
        except Exception as error:
            is_first = [feed.fail(frame, f"Explaining failed: {error}") for feed, frame in batch]
            if is_first[0]:
                _log.exception("explaining a frame of %s failed", batch[0][0].name)

    def _explain(self, batch: Batch, settings: Settings) -> list[list[Explanation]]:
        """Returns the explanations to show for each frame.

        Open targets are the top classes shown with the frame before; where this frame has changed them, as after a
        scene cut, it is explained again, since the map would be one of a class that is not there any more.
        """
        newest = batch[0][0].broadcaster.newest
        current = self._explainer.cam_config if newest is None else newest.explanation.cam_config
        cam_config = self._layer_loader.request(settings.cam_config, current)
        requested = [targets(settings, _shown(feed), cam_config.method) for feed, _ in batch]
        if len(requested[0]) > 1:
            self._layer_loader.ensure_targets(cam_config, len(requested[0]))
        frames = [frame for _, frame in batch]
        if len({len(each) for each in requested}) == 1:
            explained = self._explainer.explain_each(frames, requested, cam_config)
        else:  # the second class of some feeds is not known yet
            explained = [
                self._explainer.explain_all([frame], each, cam_config)[0]
                for frame, each in zip(frames, requested, strict=True)
            ]
        for number, (frame, explanations) in enumerate(zip(frames, explained, strict=True)):
            wanted = targets(settings, explanations[0].smoothed_top, cam_config.method)
            if [each.target for each in explanations] != wanted:
                explained[number] = self._explainer.explain_all([frame], wanted, cam_config)[0]
        return explained

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
            feed.faithfulness.measure(feed.broadcaster.newest, self._explainer)
        except Exception:
            if not self._measurement_failed:
                _log.exception("measuring the faithfulness of %s failed", feed.name)
            self._measurement_failed = True
        else:
            self._measurement_failed = False


def _shown(feed: Feed) -> tuple[ClassScore, ...]:
    newest = feed.broadcaster.newest
    return () if newest is None else newest.explanation.smoothed_top


def _publish(feed: Feed, frame: Frame, explanations: list[Explanation], settings: Settings) -> None:
    explanation, second = explanations[0], explanations[1] if len(explanations) > 1 else None
    overlay_rgb = draw_overlays(frame, explanation, second, settings.overlay_style)
    encoded = EncodedFrame(encode_jpeg(overlay_rgb), frame, explanation, settings.overlay_style, second)
    feed.publish(encoded, overlay_rgb)
