"""A video file as a live source: at its own pace, in a loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import SourceError
from live_cam.sources.base import Pacer, SourceKind
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.sources.decode.pixels import square_pixels
from live_cam.text import encodable
from live_cam.types import Frame

_MAX_FRAME_NS = 1_000_000_000

TimedRgb = tuple[NDArray[np.uint8], int]
"""Pixels, and their position in ns from the first frame."""


class FileSource:
    """The first video stream of a file, looped."""

    kind: SourceKind = "file"

    def __init__(self, path: Path, clock: Clock = MONOTONIC) -> None:
        self.name = encodable(path.name)
        self._path = path
        self._clock = clock

    def open(self) -> FileStream:
        """Opens the file at its start.

        Raises:
            SourceError: The file does not exist, is no video, or has no frame.
        """
        return FileStream(self._path, self._clock)


class FileStream:
    """A file from its first frame on, in a loop."""

    frozen_after_s: float | None = None

    def __init__(self, path: Path, clock: Clock, name: str | None = None, is_upload: bool = False) -> None:
        # Viewers see the message of an error, and the folders of this machine are not theirs to know.
        self._name = name or path.name
        self._video = IsolatedVideoReader(path, loop=True, name=self._name, is_upload=is_upload)
        self._pacer = Pacer(clock)
        self._first_pts: int | None = None
        self._shown: TimedRgb | None = None
        self._next: TimedRgb | None = None

    def read(self) -> Frame:
        """Waits until the next frame is due and returns it; the first one follows the last.

        Raises:
            SourceError: No frame of the file can be decoded, or its decoder crashed.
        """
        rgb, position_ns = self._advance()
        return Frame(rgb, self._pacer.wait(position_ns))

    def close(self) -> None:
        """Closes the file."""
        self._video.close()

    def _advance(self) -> TimedRgb:
        """Returns the next frame, or the current one once more if it lasts long, as a camera would deliver it."""
        if self._next is None:
            self._next = self._decode()
        if self._shown is not None and self._next[1] - self._shown[1] > _MAX_FRAME_NS:
            self._shown = self._shown[0], self._shown[1] + _MAX_FRAME_NS
        else:
            self._shown, self._next = self._next, None
        return self._shown

    def _decode(self) -> TimedRgb:
        decoded = self._decode_or_end()
        if decoded is None:
            raise SourceError(f"{self._name} is closed; open it again")
        return decoded

    def _decode_or_end(self) -> TimedRgb | None:
        frame = self._video.read()
        if frame is None:
            return None
        if self._first_pts is None:
            self._first_pts = frame.pts
        rgb = square_pixels(frame.rgb, self._video.info.sample_aspect_ratio)
        return rgb, int((frame.pts - self._first_pts) * self._video.info.time_base * 1_000_000_000)
