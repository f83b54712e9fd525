"""Decoding a video file in a process of its own, so that a file which crashes FFmpeg crashes nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from live_cam.child import start_child, wait_for_news
from live_cam.errors import SourceError
from live_cam.sources.existing import require_file

_SILENCE_LIMIT_S = 20.0
_END_LIMIT_S = 5.0
_PIPE_BYTES = 1 << 20  # what Linux allows everybody; with the usual 64 KiB, large pictures take a third longer


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        width_px: Width of the upright picture.
        height_px: Its height.
        time_base: Seconds a tick, in which times and durations are counted.
        rate_fps: Pictures a second, on average as far as that is known.
        sample_aspect_ratio: Width to height of one of the upright picture's pixels; 1 if it does not say.
        duration_s: How long it claims to be, in seconds; None if it does not.
        frames_n: How many pictures it claims to have; None if it does not.
    """

    width_px: int
    height_px: int
    time_base: Fraction
    rate_fps: float
    sample_aspect_ratio: Fraction
    duration_s: float | None
    frames_n: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a video.

    Attributes:
        rgb: uint8 (H, W, 3), RGB, upright. A video may change its size midway.
        pts: When it is due, in ticks of the video's time base; greater than that of the picture before it.
        duration: How long it is shown, in ticks; 0 if the file does not say.
    """

    rgb: NDArray[np.uint8]
    pts: int
    duration: int


class DecodedVideo:
    """The pictures of a video file, in the order in which they are shown.

    Any thread may close it, also while another reads.

    Args:
        path: The file.
        loop: Whether its first picture follows the last, with times that go on.

    Attributes:
        info: What the file says of itself.
        problem: What is wrong with the file, known after the last picture; empty if nothing.

    Raises:
        SourceError: There is no such file, it has no pictures that can be decoded here, or decoding it crashed.
    """

    def __init__(self, path: Path, loop: bool = False) -> None:
        require_file(path, "a video file")
        self._path = path
        self.problem = ""
        self._is_closed = False
        self._reading = threading.Lock()
        # Absolute, since FFmpeg takes what stands before a colon in a name for a protocol.
        arguments = [str(path.absolute()), *(["--loop"] if loop else [])]
        try:
            self._child = start_child("live_cam.sources.decoder", arguments)
        except OSError as error:
            raise SourceError(
                f"{path} can't be decoded, since no process can be started ({error.strerror}); close other programs"
            ) from error
        self._life_line = cast("FileIO", self._child.stdin)
        self._messages = cast("FileIO", self._child.stdout)
        try:
            _enlarge(self._messages.fileno())
            header = self._header()
            self.info = VideoInfo(
                header["width_px"],
                header["height_px"],
                Fraction(header["time_base"]),
                header["rate_fps"],
                Fraction(header["sample_aspect_ratio"]),
                header["duration_s"],
                header["frames_n"],
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> Picture | None:
        """Gives the next picture; None when there is none left, or when it was closed.

        Raises:
            SourceError: Decoding crashed, hangs, or needs too much memory; or nothing of a file that is to be looped
                can be decoded.
        """
        with self._reading:
            if self._is_closed:
                return None
            try:
                header = self._header()
                if "problem" not in header:
                    rgb = np.empty((header["height_px"], header["width_px"], 3), np.uint8)
                    self._fill(rgb.data.cast("B"))
                    return Picture(rgb, header["pts"], header["duration"])
            except SourceError:
                self._end()
                raise
            self.problem = header["problem"]
            self._end()
            return None

    def close(self) -> None:
        """Ends the decoding."""
        self._child.kill()
        with self._reading:
            self._end()

    def _end(self) -> None:
        self._is_closed = True
        self._life_line.close()
        self._messages.close()
        self._child.kill()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_LIMIT_S)

    def _header(self) -> dict[str, Any]:
        length = bytearray(4)
        self._fill(memoryview(length))
        text = bytearray(int.from_bytes(length, "big"))
        self._fill(memoryview(text))
        header: dict[str, Any] = json.loads(text)
        if "error" in header:
            raise SourceError(f"{self._path} {header['error']}")
        return header

    def _fill(self, values: memoryview) -> None:
        """Waits for as many bytes as there is room for.

        Raises:
            SourceError: They do not come.
        """
        descriptor = self._messages.fileno()
        while values:
            if not wait_for_news(descriptor, _SILENCE_LIMIT_S):
                self._child.kill()
                raise SourceError(
                    f"{self._path} gave no picture for {_SILENCE_LIMIT_S:.0f} s; convert it, or choose another file"
                )
            count = self._messages.readinto(values)
            if not count:
                raise SourceError(f"{self._path} {self._why_ended()}")
            values = values[count:]

    def _why_ended(self) -> str:
        try:
            status = self._child.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            status = 0
        ended_by = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        return f"made its decoder crash ({ended_by}); it may be damaged: convert it, or choose another file"


def _enlarge(descriptor: int) -> None:
    """Makes room in a pipe, where the system lets us."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
