"""The way of a video's frames through decoder, step and encoder, each at work on its own frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import OutputError, SourceError
from live_cam.explain.explainer import Explain
from live_cam.frame import Explanation, Frame, Look, Target
from live_cam.pipeline.overlap import Ahead, Behind
from live_cam.render.overlay import overlay
from live_cam.sinks.annotated_video import AnnotatedVideo
from live_cam.sinks.video_writer import fit
from live_cam.sources.decoding import DecodedVideo, Picture

AT_ONCE: Final = 8
"""How many frames are explained in one call."""

SETTINGS: Final = asdict(Look())

_MOST_BYTES_WAITING = 256 * 1024**2

Tell = Callable[[int, int | None, float], None]
"""Told the pictures done, about how many there are if that is known, and the seconds of video done."""

_Item = tuple[int, Picture, Explanation | None]


class Road:
    """From one decoded video to one annotated video: every frame, none dropped, with bounded memory."""

    def __init__(
        self,
        decoded: DecodedVideo,
        video: AnnotatedVideo,
        source_id: str,
        explainer: Explain,
        target: Target,
        every: int,
        classes: frozenset[int],
        tell: Tell,
    ) -> None:
        """Prepares; nothing is read yet.

        Args:
            decoded: The pictures.
            video: Where they go.
            source_id: What tells this video from others, for the smoothing of the scale.
            explainer: What explains, `AT_ONCE` frames in one call or single ones.
            target: The question.
            every: Every how many frames one is explained; those between show the map of the last one.
            classes: Only frames whose likeliest class is among these get a map; all if empty.
            tell: Told how far it is, from another thread.
        """
        self._decoded = decoded
        self._video = video
        self._source_id = source_id
        self._explainer = explainer
        self._target = target
        self._every = every
        self._classes = classes
        self._tell = tell
        self._shown: Explanation | None = None
        info = decoded.info
        self._total = info.frames_n or (round(info.duration_s * info.rate_fps) if info.duration_s else None)
        self._size_px = (info.width_px, info.height_px)
        bytes_at_once = 3 * info.width_px * info.height_px * AT_ONCE
        self._at_once = AT_ONCE if bytes_at_once <= _MOST_BYTES_WAITING else 1

    def run(self) -> AnnotatedVideo:
        """Explains all frames; the video's files are still to be finished.

        Raises:
            SourceError: The file can't be decoded any further, or not at all.
            OutputError: The disk is full, or fails.
        """
        with (
            Behind(self._write, self._at_once) as encoder,
            Ahead(self._read, self._at_once, self._decoded.close) as pictures,
        ):
            for item in self._explained(pictures):
                encoder.put(item)
        if not self._video.frames_n:
            raise SourceError(f"{self._source_id} holds no frame that can be decoded; it may be cut short")
        return self._video

    def close(self) -> None:
        """Lets go of the files."""
        with suppress(OutputError):
            self._video.close({})

    def _read(self) -> Picture | None:
        """Gives the next picture in the size of the first, in which all are written."""
        picture = self._decoded.read()
        if picture is None or picture.rgb.shape[1::-1] == self._size_px:
            return picture
        return replace(picture, rgb=fit(picture.rgb, self._size_px))

    def _explained(self, pictures: Iterable[Picture]) -> Iterator[_Item]:
        """Gives the pictures, numbered, with the explanations of those that are asked about."""
        waiting: list[tuple[int, Picture]] = []
        asked_n = 0
        for number, picture in enumerate(pictures):
            if not waiting and not self._asked(number):
                yield number, picture, None
                continue
            waiting.append((number, picture))
            asked_n += self._asked(number)
            if asked_n == self._at_once or len(waiting) * picture.rgb.nbytes > _MOST_BYTES_WAITING:
                yield from self._answered(waiting)
                waiting, asked_n = [], 0
        yield from self._answered(waiting)

    def _asked(self, number: int) -> bool:
        return number % self._every == 0

    def _answered(self, waiting: list[tuple[int, Picture]]) -> Iterator[_Item]:
        time_base = self._decoded.info.time_base
        frames = [
            Frame(picture.rgb, int(picture.pts * time_base * 1_000_000_000), number, self._source_id)
            for number, picture in waiting
            if self._asked(number)
        ]
        # Another number of frames might have to be compiled first.
        calls = [frames] if len(frames) == AT_ONCE else [[frame] for frame in frames]
        answers = (answer for call in calls for (answer,) in self._explainer.explain_all(call, [self._target]))
        for number, picture in waiting:
            yield number, picture, next(answers) if self._asked(number) else None

    def _write(self, item: _Item) -> None:
        number, picture, explanation = item
        if explanation is not None:
            unwanted = self._classes and explanation.top[0].index not in self._classes
            self._shown = None if unwanted else explanation
            if unwanted:
                self._video.fall_silent()
        told = None if explanation is None else self._shown
        self._video.write(self._painted(picture, number), picture.pts, picture.duration, told, SETTINGS)
        self._tell(self._video.frames_n, self._total, self._video.end_s)

    def _painted(self, picture: Picture, number: int) -> NDArray[np.uint8]:
        if self._shown is None:
            return picture.rgb
        frame = Frame(picture.rgb, 0, number, self._source_id)
        return overlay(frame, self._shown, Look())
