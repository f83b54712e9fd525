"""An image file as a live source; an animated one moves at its own pace, in a loop."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from live_cam.clock import MONOTONIC, Clock
from live_cam.sources.base import Pacer, SourceKind
from live_cam.sources.pictures.reader import ImageFrame, read_frames
from live_cam.sources.pictures.scale import scale_down
from live_cam.text import encodable
from live_cam.types import Frame

_INTERVAL_NS = 100_000_000
"""How often an image that stays is delivered again: often enough for settings to take effect at once."""


class ImageSource:
    """An image file, read as everywhere else: see `read_rgb`."""

    kind: SourceKind = "file"

    def __init__(self, path: Path, clock: Clock = MONOTONIC) -> None:
        self.name = encodable(path.name)
        self._path = path
        self._clock = clock

    def open(self) -> ImageStream:
        """Reads the image.

        Raises:
            SourceError: It can't be read.
        """
        return ImageStream(self._path, self._clock)


class ImageStream:
    """An image file from its first frame on."""

    frozen_after_s: float | None = None

    def __init__(self, path: Path, clock: Clock) -> None:
        self._frames = _repeated(path)
        self._next: ImageFrame | None = next(self._frames)
        self._rgb = self._next.rgb
        self._remaining_ns = 0
        self._position_ns = 0
        self._pacer = Pacer(clock)

    def read(self) -> Frame:
        """Waits until the next frame is due and returns it, or the current one once more if it lasts long.

        Raises:
            SourceError: The file of an animated image can't be read any more.
        """
        if self._remaining_ns <= 0:
            frame = self._next or next(self._frames)
            self._next = None
            self._rgb, self._remaining_ns = frame.rgb, round(frame.duration_s * 1e9)
        pts_ns = self._pacer.wait(self._position_ns)
        step_ns = min(self._remaining_ns, _INTERVAL_NS)
        self._position_ns += step_ns
        self._remaining_ns -= step_ns
        return Frame(self._rgb, pts_ns)

    def close(self) -> None:
        """Closes the file."""
        self._frames.close()


def _repeated(path: Path) -> Generator[ImageFrame, None, None]:
    """Yields an image again and again, an animated one from its first frame to its last."""
    while True:
        for frame in read_frames(path):
            scaled = ImageFrame(scale_down(frame.rgb), frame.duration_s or _INTERVAL_NS / 1e9)
            yield scaled
            while frame.duration_s == 0:
                yield scaled
