"""A video's frames through decoder, step and encoder, which work at the same time on different frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import OutputError, SourceError
from live_cam.explain.base import FrameExplainer
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import resize_to_input
from live_cam.prefetch import BackgroundWriter, Prefetcher
from live_cam.render.overlay import overlay
from live_cam.sinks.annotated_video import AnnotatedVideo
from live_cam.sinks.video_writer import letterbox
from live_cam.sources.decode.isolated import DecodedFrame, IsolatedVideoReader
from live_cam.types import Explanation, Frame, OverlayStyle, Runtime, Target

BATCH_SIZE: Final = 8
"""How many frames are explained in one call."""

SETTINGS: Final = asdict(OverlayStyle())

MAX_WAITING_BYTES: Final = 256 * 1024**2
"""How many bytes of frames may wait to be explained in one call."""

OnProgress = Callable[[int, int | None, float], None]
"""Called with the frames done, about how many there are if that is known, and the seconds of video done."""

_MAX_DRAWN: Final = 2
"""How many drawn frames may wait for the encoder, which takes longer than drawing."""

_Item = tuple[int, DecodedFrame, Explanation | None]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A frame to be written.

    Attributes:
        decoded, rgb: What was read, and its pixels with the map.
        recorded: Its own explanation, for the sidecar; None for none.
        ends_subtitle: Whether its class is none of those that are wanted.
    """

    decoded: DecodedFrame
    rgb: NDArray[np.uint8]
    recorded: Explanation | None
    ends_subtitle: bool


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A frame of the video with its number; `explained` is what the explainer gets, None for one between."""

    number: int
    decoded: DecodedFrame
    explained: Frame | None


def in_size(decoded: DecodedFrame, size_px: tuple[int, int]) -> DecodedFrame:
    """Returns a frame in a width and height, with bars where it has another aspect ratio."""
    if decoded.rgb.shape[1::-1] == size_px:
        return decoded
    return replace(decoded, rgb=letterbox(decoded.rgb, size_px))


def as_input(rgb: NDArray[np.uint8], runtime: Runtime, classifier: Classifier) -> NDArray[np.uint8]:
    """Returns what the explainer gets of a frame, resized where the step would have to do it on the same cores.

    The thread that reads ahead calls it, so that no core waits for it between two batches; a GPU resizes by itself.
    """
    if runtime != "openvino" or classifier.resize != "stretch":
        return rgb
    resized = np.empty((*classifier.input_px, 3), np.uint8)
    resize_to_input([rgb], resized[np.newaxis])
    return resized


class AnnotationPipeline:
    """From one decoded video to one annotated video: every frame, none dropped, in bounded memory."""

    def __init__(
        self,
        decoded: IsolatedVideoReader,
        video: AnnotatedVideo,
        source_id: str,
        explainer: FrameExplainer,
        target: Target,
        every: int,
        classes: frozenset[int],
        on_progress: OnProgress,
    ) -> None:
        """Prepares; nothing is read yet.

        Args:
            decoded: The frames.
            video: Where they go.
            source_id: Identifies the video, for the smoothing of vmax.
            explainer: Explains `BATCH_SIZE` frames in one call, or single ones.
            target: The target.
            every: Every how many frames one is explained; those between show its map.
            classes: Only frames whose top class is among these get a map; all if empty.
            on_progress: Called with the progress, by another thread.
        """
        self._decoded = decoded
        self._video = video
        self._source_id = source_id
        self._explainer = explainer
        self._target = target
        self._every = every
        self._classes = classes
        self._on_progress = on_progress
        self._shown: Explanation | None = None
        self._num_read = 0
        info = decoded.info
        self._total = info.num_frames or (round(info.duration_s * info.rate_fps) if info.duration_s else None)
        self._size_px = (info.width_px, info.height_px)
        batch_bytes = 3 * info.width_px * info.height_px * BATCH_SIZE
        self._batch_size = BATCH_SIZE if batch_bytes <= MAX_WAITING_BYTES else 1

    def run(self) -> AnnotatedVideo:
        """Explains all frames; the video's files are still to be closed.

        Raises:
            SourceError: The file can't be decoded any further, or not at all.
            OutputError: The disk is full, or fails.
        """
        with BackgroundWriter(self._write, _MAX_DRAWN) as encoder:

            def draw(item: _Item) -> None:
                encoder.put(self._draw(item))

            with (
                # A thread of its own, since one for both would get too small a share of the cores beside the network's.
                BackgroundWriter(draw, self._batch_size) as drawer,
                Prefetcher(self._read, self._batch_size, self._decoded.close) as frames,
            ):
                for item in self._explain(frames):
                    drawer.put(item)
        if not self._video.num_frames:
            raise SourceError(f"{self._source_id} contains no frame that can be decoded; it may be cut short")
        return self._video

    def close(self) -> None:
        """Closes the files."""
        with suppress(OutputError):
            self._video.close({})

    def _read(self) -> _Numbered | None:
        """Returns the next frame in the size of the first, in which all are written."""
        decoded = self._decoded.read()
        if decoded is None:
            return None
        decoded = in_size(decoded, self._size_px)
        number, self._num_read = self._num_read, self._num_read + 1
        if number % self._every:
            return _Numbered(number, decoded, None)
        rgb = as_input(decoded.rgb, self._explainer.runtime, self._explainer.classifier)
        pts_ns = int(decoded.pts * self._decoded.info.time_base * 1_000_000_000)
        return _Numbered(number, decoded, Frame(rgb, pts_ns, number, self._source_id))

    def _explain(self, frames: Iterable[_Numbered]) -> Iterator[_Item]:
        """Yields the frames with the explanations of every Nth."""
        waiting: list[_Numbered] = []
        num_requested = 0
        for each in frames:
            if not waiting and each.explained is None:
                yield each.number, each.decoded, None
                continue
            waiting.append(each)
            num_requested += each.explained is not None
            if num_requested == self._batch_size or len(waiting) * each.decoded.rgb.nbytes > MAX_WAITING_BYTES:
                yield from self._explain_batch(waiting)
                waiting, num_requested = [], 0
        yield from self._explain_batch(waiting)

    def _explain_batch(self, waiting: list[_Numbered]) -> Iterator[_Item]:
        frames = [each.explained for each in waiting if each.explained is not None]
        # A batch of another size would have to be compiled first.
        calls = [frames] if len(frames) == BATCH_SIZE else [[frame] for frame in frames]
        explanations = (each for call in calls for (each,) in self._explainer.explain_all(call, [self._target]))
        for each in waiting:
            yield each.number, each.decoded, None if each.explained is None else next(explanations)

    def _draw(self, item: _Item) -> _Drawn:
        number, decoded, explanation = item
        is_unwanted = False
        if explanation is not None:
            is_unwanted = bool(self._classes) and explanation.top[0].index not in self._classes
            self._shown = None if is_unwanted else explanation
        rgb = decoded.rgb
        if self._shown is not None:
            rgb = overlay(Frame(rgb, 0, number, self._source_id), self._shown, OverlayStyle())
        return _Drawn(decoded, rgb, None if explanation is None else self._shown, is_unwanted)

    def _write(self, drawn: _Drawn) -> None:
        if drawn.ends_subtitle:
            self._video.clear_subtitle()
        self._video.write(drawn.rgb, drawn.decoded.pts, drawn.decoded.duration, drawn.recorded, SETTINGS)
        self._on_progress(self._video.num_frames, self._total, self._video.end_s)
