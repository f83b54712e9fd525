"""One live session: sources or visitors, an explainer, and the threads between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar, get_args

from live_cam.clock import MONOTONIC, Clock
from live_cam.explain.base import ExplainerProtocol
from live_cam.models.classifier import Classifier
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.histogram import Histogram
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel, SecondModel
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.publishing import Publishing
from live_cam.pipeline.recordings import RecordingOptions, Recordings
from live_cam.pipeline.settings import Mode, Settings, SettingsStore
from live_cam.pipeline.source_switch import SourceSwitch, unique_names
from live_cam.pipeline.teaching import Teaching
from live_cam.pipeline.visitors import Visitors
from live_cam.pipeline.worker import Worker
from live_cam.sources.base import Source
from live_cam.sources.camera import CameraOptions
from live_cam.types import CamConfig, EncodedFrame

TEACHING_BYTES: Final = 128_000_000
"""How much memory examples may take, of all who teach together."""

_JOIN_LIMIT_NS = 700_000_000
_Result = TypeVar("_Result")


class Session:
    """Starts on entering a `with` statement; after it, ends `_JOIN_LIMIT_NS` after the request, or with its recording.

    A thread that a driver blocks is abandoned: it is a daemon, and holds nothing that others wait for.

    Attributes:
        explainer: Explains.
        second: The model that explains the same frames beside it; None for none.
        clock: The time of all threads.
        settings: What viewers may change, for all sources at once.
        layers: The layers that viewers may choose, each with a line about its use.
        layer_loader: Prepares chosen layers.
        feeds: One for each source, in the order given.
        visitors: Those who show their own cameras; None where nobody may.
        metrics: The counters of all feeds together.
        recordings: Recordings of all feeds.
        publishing: Publishers of all feeds.
        switch: Shows other sources in the feeds.
        teaching: The classes that all viewers teach together; None without sources, or where nobody can.
        taught_labels: The classes that are there to be taught from the start.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        explainer: ExplainerProtocol,
        max_visitors: int = 0,
        recording: RecordingOptions = RecordingOptions(),
        clock: Clock = MONOTONIC,
        second: ExplainerProtocol | None = None,
        camera: CameraOptions = CameraOptions(),
        taught_labels: Sequence[str] = (),
    ) -> None:
        """Prepares a session.

        Args:
            sources: What is shown to all; empty for visitors alone.
            explainer: Explains.
            max_visitors: How many visitors may show their own camera at a time, to themselves.
            recording: How recordings are written.
            clock: The time of all threads.
            second: Explains the same frames beside the first.
            camera: Options of this machine's cameras that viewers choose.
            taught_labels: The names of classes that are there to be taught from the start.
        """
        self.explainer = explainer
        self.clock = clock
        self.layers = _layers(explainer.classifier, explainer.cam_config)
        layer, method = explainer.cam_config.layer, explainer.cam_config.method
        self._initial = Settings(layer=explainer.classifier.default_layer if "+" in layer else layer, method=method)
        self.second = None if second is None else SecondModel(second, explainer.classifier, self._reexplain, clock)
        self.settings = self.new_settings()
        self.layer_loader = LayerLoader(explainer, self._reexplain, clock)
        self.metrics = Metrics(clock=clock)
        self.taught_labels = tuple(taught_labels)
        self._learner = ThreadPoolExecutor(1, thread_name_prefix="learner")
        self._teaching_bytes = TEACHING_BYTES // max(1, max_visitors + bool(sources))
        self._frame_queue: FrameQueue[Feed] = FrameQueue()
        names = unique_names([source.name for source in sources])
        self.feeds = [
            Feed(name, source.kind, self.settings, self._frame_queue, self.metrics, clock=clock)
            for name, source in zip(names, sources, strict=True)
        ]
        self.visitors = (
            Visitors(max_visitors, self._frame_queue, self.metrics, self.new_settings, clock, self._new_teaching)
            if max_visitors
            else None
        )
        self.teaching = self._new_teaching(self.settings) if sources else None
        for feed in self.feeds:
            feed.teaching = self.teaching
        self.recordings = Recordings(self.feeds, self.explainers_of, recording, clock)
        self.publishing = Publishing(self.feeds, clock)
        self._stop_ns: int | None = None
        self._captures = [CaptureThread(source, feed, clock) for source, feed in zip(sources, self.feeds, strict=True)]
        self.switch = SourceSwitch(sources, self.feeds, self._captures, self.recordings, camera)
        model = LiveModel(explainer, self.layer_loader)
        self._worker = Worker(model, self._frame_queue, max(1, len(self.feeds)), clock, self.second)

    def __enter__(self) -> Session:
        for thread in (self._worker, *self._captures):
            thread.start()
        return self

    def request_stop(self) -> None:
        """Asks threads and viewers to end; returns at once. Thread-safe."""
        if self._stop_ns is None:
            self._stop_ns = self.clock.now_ns()
        for capture in self._captures:
            capture.request_stop()
        self._frame_queue.close()
        self.recordings.close()
        self.publishing.close()
        self._learner.shutdown(wait=False, cancel_futures=True)
        for feed in self.all_feeds:
            feed.broadcaster.close()

    def __exit__(self, *_: object) -> None:
        self.request_stop()
        assert self._stop_ns is not None
        # Counted from the request: the threads end while the server does.
        deadline_ns = self._stop_ns + _JOIN_LIMIT_NS
        for thread in (self._worker, *self._captures):
            thread.join(max(0.0, (deadline_ns - self.clock.now_ns()) / 1e9))
        if self.visitors is not None:
            self.visitors.close()
        self.publishing.join(deadline_ns)
        self.recordings.join()

    def new_settings(self) -> SettingsStore:
        """Returns settings as they are at the start."""
        return SettingsStore(self._initial, tuple(self.layers), self.explainer.classifier.labels, tuple(self.modes))

    def _new_teaching(self, settings: SettingsStore) -> Teaching | None:
        if self.second is not None:
            return None
        limit_bytes, labels = self._teaching_bytes, self.taught_labels
        return Teaching(self.explainer, settings, self._learn_later, limit_bytes, self.clock, labels)

    def _learn_later(self, learn: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the session is ending
            self._learner.submit(learn)

    @property
    def can_teach(self) -> bool:
        """Whether classes can be taught: to one model, whose last layer is prepared and has a linear head behind it."""
        return self.second is None and self.explainer.linear_head is not None

    def submit(self, function: Callable[[ExplainerProtocol], _Result]) -> Future[_Result]:
        """Has the worker call a function between two frames; see `FrameQueue.submit`."""
        return self._frame_queue.submit(function)

    def explain_alone(self, feed: Feed, shown: EncodedFrame) -> Future[EncodedFrame]:
        """Has the worker explain what is shown once more: without smoothing, and in int8 only if that was named."""

        def explain(_: ExplainerProtocol) -> EncodedFrame:
            first, *second = self._worker.explain_alone(feed, shown.frame)
            return replace(shown, explanation=first, second=second[0] if second else None)

        return self.submit(explain)

    def explainers_of(self, feed: Feed) -> list[ExplainerProtocol]:
        """Returns the explainers of a feed: of the classes that its audience has taught, if it has."""
        return [self._worker.model_of(feed).explainer, *self.explainers[1:]]

    @property
    def explainers(self) -> list[ExplainerProtocol]:
        """The explainers, of one model or two."""
        return [self.explainer, *([] if self.second is None else [self.second.explainer])]

    @property
    def modes(self) -> list[Mode]:
        """The modes that viewers may choose: where two models are side by side, two classes are not."""
        return [mode for mode in get_args(Mode) if self.second is None or mode != "side_by_side"]

    @property
    def all_feeds(self) -> list[Feed]:
        """The feeds of sources and visitors."""
        return [*self.feeds, *(self.visitors.feeds if self.visitors else ())]

    @property
    def frame_interval_s(self) -> float:
        """Time from one frame to the next when frames wait, smoothed; 0 before the first."""
        return self._worker.frame_interval_s

    @property
    def step_times_s(self) -> Histogram:
        """Times of the calls that explain a batch of frames."""
        return self._worker.step_times_s

    @property
    def precision_words(self) -> str:
        """How far int8 agrees with float32, where it is used; else empty."""
        return self._worker.precision_monitor.words

    @property
    def unhealthy_reason(self) -> str:
        """Why no frames flow though they should, in one line; empty if they flow from a source, or need not."""
        if self.feeds:
            reasons = [feed.unhealthy_reason for feed in self.feeds]
            if not all(reasons):
                return ""
        else:
            reasons = [feed.failure for feed in self.all_feeds if feed.failure]
        return " ".join("; ".join(dict.fromkeys(reasons)).split())

    def describe(self) -> dict[str, Any]:
        """Returns the content of `/stats`; of visitors the counters, and their number where nothing else is shown."""
        sources = [_describe(feed) for feed in self.feeds]
        feeds = self.feeds or self.all_feeds
        first = sources[0] if sources else {"top": [], "target": None, **self._describe_visitors()}
        return {
            "source": {key: first[key] for key in ("name", "kind", "state", "message")},
            **self.metrics.read().describe(),
            # Frames of several sources come in bursts, which have no rate.
            "fps": round(sum(feed.metrics.fps for feed in feeds), 1),
            "top": first["top"],
            "target": first["target"],
            "sources": sources,
            "viewers": sum(feed.broadcaster.viewer_count for feed in feeds),
            "runtime": self.explainer.runtime,
            "precision": self.explainer.precision,
            "recording": self.recordings.describe(),
            "publishers": self.publishing.describe(),
        }

    def _describe_visitors(self) -> dict[str, Any]:
        is_live = any(feed.status.state == "live" for feed in self.all_feeds)
        message = "" if is_live else "No visitor shows a camera now"
        state = "live" if is_live else "starting"
        return {"name": "Visitors' cameras", "kind": "browser", "state": state, "message": message}

    def _reexplain(self) -> None:
        for feed in self.all_feeds:
            feed.reexplain()


def _describe(feed: Feed) -> dict[str, Any]:
    status, newest = feed.status, feed.broadcaster.newest
    return {
        "name": feed.name,
        "kind": feed.kind,
        "state": status.state,
        "message": status.message,
        **feed.metrics.read().describe(),
        "top": [] if newest is None else [asdict(score) for score in newest.explanation.top],
        "target": None if newest is None else newest.explanation.target_label,
    }


def _layers(classifier: Classifier, cam_config: CamConfig) -> dict[str, str]:
    layer = cam_config.layer
    own = {} if "+" in layer or layer in classifier.layers else {layer: "The layer live_cam was started with."}
    return {**classifier.layers, **own}
