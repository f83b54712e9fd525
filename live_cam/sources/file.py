"""A video file as a live source: at its own pace, over and over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.sources.existing import require_file
from live_cam.sources.source import Pacer, SourceKind
from live_cam.sources.upright import upright

_SHORTEST_FRAME_NS = 1_000_000_000 // 120
_LONGEST_FRAME_NS = 1_000_000_000
_USUAL_FPS = 25


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
        self._begin()

    def _begin(self) -> None:
        require_file(self._path, "a video file, a folder of pictures, a camera's number or `demo`")
        try:
            # Absolute, since FFmpeg takes what stands before a colon in a name for a protocol.
            self._container = av.open(self._path.absolute())
        except (av.FFmpegError, ValueError) as error:
            detail = getattr(error, "strerror", None) or error
            raise SourceError(f"{self._path} is not a video that can be read ({detail})") from error
        if not self._container.streams.video:
            self.close()
            raise SourceError(f"{self._path} has no video stream; give a file with pictures in it")
        self._pictures = self._decode(self._container)
        self._pacer = Pacer()
        self._end_ns = 0

    def read(self) -> Frame:
        """Waits until the next frame is due and gives it; after the last one comes the first.

        Raises:
            SourceError: Not one frame of the file can be decoded.
        """
        rgb, position_ns = self._next()
        pts_ns = self._pacer.wait(position_ns)
        frame = Frame(rgb, pts_ns, self._seq, self._name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Closes the file."""
        self._pictures = iter(())
        self._container.close()

    def _next(self) -> tuple[NDArray[np.uint8], int]:
        picture = next(self._pictures, None)
        if picture is None:
            self._pacer.wait(self._end_ns)  # the last picture stays for its time, too
            self.close()
            self._begin()
            picture = next(self._pictures, None)
        if picture is None:
            raise SourceError(f"{self._path} holds no frame that can be decoded; it may be cut short")
        return picture

    def _decode(self, container: InputContainer) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """Gives the pictures with their positions (ns from the first); what follows damage is left out."""
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first_s: float | None = None
        shown: NDArray[np.uint8] | None = None
        shown_ns = 0
        position_ns = 0
        # Raw streams tell no times; their pictures follow each other at the rate the stream claims.
        usual_ns = int(1e9 / (stream.average_rate or stream.guessed_rate or _USUAL_FPS))
        try:
            for picture in container.decode(stream):
                time_s = picture.time
                if first_s is None:
                    first_s = time_s
                if time_s is None or first_s is None:
                    position_ns = self._end_ns
                else:
                    position_ns = max(position_ns, int((time_s - first_s) * 1e9))
                duration_ns = int(picture.duration * float(picture.time_base or 0) * 1e9)
                self._end_ns = position_ns + min(max(duration_ns or usual_ns, _SHORTEST_FRAME_NS), _LONGEST_FRAME_NS)
                while shown is not None and position_ns - shown_ns > _LONGEST_FRAME_NS:
                    shown_ns += _LONGEST_FRAME_NS
                    yield shown, shown_ns  # a picture that stays is given again, as a camera would
                shown, shown_ns = upright(picture), position_ns
                yield shown, shown_ns
        except av.FFmpegError:
            return
