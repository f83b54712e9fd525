"""A video file as a live source: at its own pace, over and over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.sources.decoding import DecodedVideo
from live_cam.sources.existing import require_file
from live_cam.sources.source import Pacer, SourceKind

_LONGEST_FRAME_NS = 1_000_000_000


class FileSource:
    """The first video stream of a file, looped. A picture file is a video of one frame."""

    kind: SourceKind = "file"

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path

    def open(self) -> FileStream:
        """Opens the file at its beginning.

        Raises:
            SourceError: There is no such file, it is no video, or it has no picture.
        """
        return FileStream(self._path, self.name)


class FileStream:
    """A file from its first frame on, over and over."""

    frozen_after_s: float | None = None

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._seq = 0
        require_file(path, "a video file, a folder of pictures, a camera's number or `demo`")
        self._video = DecodedVideo(path, loop=True)
        self._pacer = Pacer()
        self._first_pts: int | None = None
        self._shown: tuple[NDArray[np.uint8], int] | None = None
        self._coming: tuple[NDArray[np.uint8], int] | None = None

    def read(self) -> Frame:
        """Waits until the next frame is due and gives it; after the last one comes the first.

        Raises:
            SourceError: Not one frame of the file can be decoded, or decoding it crashed.
        """
        rgb, position_ns = self._next()
        pts_ns = self._pacer.wait(position_ns)
        frame = Frame(rgb, pts_ns, self._seq, self._name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Closes the file."""
        self._video.close()

    def _next(self) -> tuple[NDArray[np.uint8], int]:
        """Gives the next picture, or once more the one that stays, with its position (ns from the first)."""
        if self._coming is None:
            self._coming = self._decoded()
        if self._shown is not None and self._coming[1] - self._shown[1] > _LONGEST_FRAME_NS:
            self._shown = self._shown[0], self._shown[1] + _LONGEST_FRAME_NS  # as a camera would give it
        else:
            self._shown, self._coming = self._coming, None
        return self._shown

    def _decoded(self) -> tuple[NDArray[np.uint8], int]:
        picture = self._video.read()
        if picture is None:
            raise SourceError(f"{self._path} is closed; open it again")
        if self._first_pts is None:
            self._first_pts = picture.pts
        return picture.rgb, int((picture.pts - self._first_pts) * self._video.info.time_base * 1_000_000_000)
