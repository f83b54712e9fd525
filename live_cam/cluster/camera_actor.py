"""The process on another machine that explains cameras live."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from live_cam.clock import MONOTONIC
from live_cam.cluster.explainer_actor import MakeExplainer
from live_cam.errors import LiveCamError, SourceError
from live_cam.explain.base import ExplainerProtocol
from live_cam.pipeline.capture import CaptureThread
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.live_model import LiveModel
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import Settings, SettingsStore
from live_cam.pipeline.worker import Worker
from live_cam.sources.base import Source, SourceKind, Stream
from live_cam.sources.camera import CameraOptions
from live_cam.sources.factory import create_source
from live_cam.sources.wall_list import ListedCamera
from live_cam.types import EncodedFrame, SourceState

LIVE_BATCH_SIZE: Final = 8
"""How many frames, of as many cameras, are explained in one call when as many wait."""

_SMALL_PX: Final = 240
_SMALL_QUALITY: Final = 70


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What is known of a camera.

    Attributes:
        state, message: See `live_cam.pipeline.watchdog.SourceStatus`.
        label, probability: The top class; empty before the first frame.
        age_ms: The age of the newest overlay; None before the first.
        age_p95_ms: How old overlays were when they were made: 95 of 100 were younger; None if there was none lately.
        fps: Overlays a second.
        explained: Frames that were explained.
        dropped: Those that were not, since a newer one came or they were not usable.
    """

    state: SourceState
    message: str
    label: str
    probability: float
    age_ms: float | None
    age_p95_ms: float | None
    fps: float
    explained: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Look:
    """What an actor shows.

    Attributes:
        reports: What is known of each camera.
        small, large: Number of the frame and JPEG of those cameras that were asked for and have a newer one.
    """

    reports: dict[int, CameraReport]
    small: dict[int, tuple[int, bytes]]
    large: dict[int, tuple[int, bytes]]


class CameraActor:
    """Explains any number of cameras with one step; an actor of Ray, which starts it again if it is killed.

    One slot for each camera, as in a session: the newest frame wins, and the camera that has waited longest is next.
    """

    def __init__(self, make_explainer: MakeExplainer, options: CameraOptions) -> None:
        self._make_explainer = make_explainer
        self._options = options
        self._frame_queue: FrameQueue[Feed] = FrameQueue()
        self._total = Metrics()
        self._explainer: ExplainerProtocol | None = None
        self._settings = SettingsStore()
        self._cameras: dict[int, tuple[Feed, CaptureThread]] = {}
        self._lock = threading.Lock()

    def ready(self) -> int:
        """Compiles the step and starts to work; returns the id of this process."""
        if self._explainer is None:
            explainer = self._make_explainer()
            classifier, cam_config = explainer.classifier, explainer.cam_config
            layer = classifier.default_layer if "+" in cam_config.layer else cam_config.layer
            initial = Settings(layer=layer, method=cam_config.method)
            self._settings = SettingsStore(initial, (layer,), classifier.labels)
            model = LiveModel(explainer, LayerLoader(explainer, lambda: None))
            Worker(model, self._frame_queue, LIVE_BATCH_SIZE).start()
            self._explainer = explainer
        return os.getpid()

    def show(self, cameras: Mapping[int, ListedCamera | Source]) -> None:
        """Opens cameras beside those that are shown already, of which one with the same number stays."""
        for number, camera in cameras.items():
            source = _source(camera, self._options) if isinstance(camera, ListedCamera) else camera
            with self._lock:
                if number in self._cameras:
                    continue
                feed = Feed(
                    camera.name, source.kind, self._settings, self._frame_queue, self._total, f"camera {number}"
                )
                capture = CaptureThread(source, feed)
                self._cameras[number] = feed, capture
            capture.start()

    def hide(self, numbers: Sequence[int]) -> None:
        """Closes cameras."""
        with self._lock:
            hidden = [self._cameras.pop(number) for number in numbers if number in self._cameras]
        for feed, capture in hidden:
            capture.request_stop()
            feed.close()

    def look(self, small: Mapping[int, int | None], large: Mapping[int, int | None]) -> Look:
        """Returns the state of all cameras, and pictures of some.

        Args:
            small: The cameras whose small pictures are wanted, with the number of the frame that is there already.
            large: Those whose overlays are wanted as they are.
        """
        with self._lock:
            feeds = {number: feed for number, (feed, _) in self._cameras.items()}
        newest = {number: feed.broadcaster.newest for number, feed in feeds.items()}
        return Look(
            {number: _report(feed, newest[number]) for number, feed in feeds.items()},
            {n: (frame.seq, _shrunk(frame.jpeg)) for n, frame in _newer(newest, small).items()},
            {n: (frame.seq, frame.jpeg) for n, frame in _newer(newest, large).items()},
        )


def _newer(newest: Mapping[int, EncodedFrame | None], known: Mapping[int, int | None]) -> dict[int, EncodedFrame]:
    shown = ((number, newest.get(number)) for number in known)
    return {number: frame for number, frame in shown if frame is not None and frame.seq != known[number]}


def _report(feed: Feed, newest: EncodedFrame | None) -> CameraReport:
    status, metrics = feed.status, feed.metrics.read()
    top = None if newest is None else newest.explanation.smoothed_top[0]
    return CameraReport(
        status.state,
        status.message,
        "" if top is None else top.label,
        0.0 if top is None else top.probability,
        None if newest is None else round((MONOTONIC.now_ns() - newest.pts_ns) / 1e6),
        metrics.age_p95_ms,
        round(metrics.fps, 1),
        metrics.explained,
        metrics.dropped,
    )


def _shrunk(jpeg: bytes) -> bytes:
    """Returns a JPEG of `_SMALL_PX` width, decoded at a fraction of its size."""
    data = np.frombuffer(jpeg, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_2)
    assert bgr is not None
    height, width = bgr.shape[:2]
    size = _SMALL_PX, max(1, round(_SMALL_PX * height / width))
    small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _SMALL_QUALITY])[1].tobytes()


def _source(camera: ListedCamera, options: CameraOptions) -> Source:
    try:
        return create_source(camera.spec, options, is_tried=False)
    except LiveCamError as error:
        return _Unavailable(camera.name, str(error))


class _Unavailable:
    """A source that this machine can't open, which is told like any other loss."""

    kind: SourceKind = "file"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    def open(self) -> Stream:
        """Raises `SourceError`."""
        raise SourceError(self._reason)
