"""Decoding of a video file in a process of its own, so that a file that crashes FFmpeg crashes nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
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

from live_cam.child_process import enlarge_pipe, start_child, wait_readable
from live_cam.errors import SourceError
from live_cam.files import require_file

_SILENCE_LIMIT_S = 20.0
_EXIT_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file declares.

    Attributes:
        width_px, height_px: Size of the upright frames.
        time_base: Seconds per tick, the unit of times and durations.
        rate_fps: Frames per second, on average as far as known.
        sample_aspect_ratio: Width to height of a pixel of the upright frames; 1 if not declared.
        duration_s: Duration in seconds; None if not declared.
        num_frames: Number of frames; None if not declared.
    """

    width_px: int
    height_px: int
    time_base: Fraction
    rate_fps: float
    sample_aspect_ratio: Fraction
    duration_s: float | None
    num_frames: int | None


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFrame:
    """A frame of a video.

    Attributes:
        rgb: uint8 (H, W, 3), RGB, upright. The size may change within a video.
        pts: Presentation time in ticks of the video's time base; strictly increasing.
        duration: Duration in ticks; 0 if unknown.
    """

    rgb: NDArray[np.uint8]
    pts: int
    duration: int


class IsolatedVideoReader:
    """The frames of a video file in presentation order.

    Any thread may close it, even while another reads.

    Args:
        path: The file.
        loop: Whether the first frame follows the last, with times that go on.

    Attributes:
        info: What the file declares.
        problem: What is wrong with the file, known after the last frame; empty if nothing.

    Raises:
        SourceError: The file does not exist, contains no video that can be decoded, or crashed its decoder.
    """

    def __init__(self, path: Path, loop: bool = False) -> None:
        require_file(path, "a video file")
        self._path = path
        self.problem = ""
        self._is_closed = False
        self._reading = threading.Lock()
        # Absolute, since FFmpeg takes what precedes a colon in a name for a protocol.
        arguments = [str(path.absolute()), *(["--loop"] if loop else [])]
        try:
            self._child = start_child("live_cam.sources.decode.worker_process", arguments)
        except OSError as error:
            raise SourceError(
                f"{path} can't be decoded, since no process can be started ({error.strerror}); close other programs"
            ) from error
        # The child exits when this end of its standard input is closed.
        self._child_stdin = cast("FileIO", self._child.stdin)
        self._messages = cast("FileIO", self._child.stdout)
        try:
            enlarge_pipe(self._messages.fileno())
            header = self._header()
            self.info = VideoInfo(
                header["width_px"],
                header["height_px"],
                Fraction(header["time_base"]),
                header["rate_fps"],
                Fraction(header["sample_aspect_ratio"]),
                header["duration_s"],
                header["num_frames"],
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

    def read(self) -> DecodedFrame | None:
        """Returns the next frame; None after the last one and when the reader is closed.

        Raises:
            SourceError: The decoder crashed, hangs, or needs too much memory; or no frame of a file to loop can be
                decoded.
        """
        with self._reading:
            if self._is_closed:
                return None
            try:
                header = self._header()
                if "problem" not in header:
                    rgb = np.empty((header["height_px"], header["width_px"], 3), np.uint8)
                    self._fill(rgb.data.cast("B"))
                    return DecodedFrame(rgb, header["pts"], header["duration"])
            except SourceError:
                self._end()
                raise
            self.problem = header["problem"]
            self._end()
            return None

    def close(self) -> None:
        """Ends the decoder."""
        self._child.kill()
        with self._reading:
            self._end()

    def _end(self) -> None:
        self._is_closed = True
        self._child_stdin.close()
        self._messages.close()
        self._child.kill()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_EXIT_LIMIT_S)

    def _header(self) -> dict[str, Any]:
        length = bytearray(4)
        self._fill(memoryview(length))
        text = bytearray(int.from_bytes(length, "big"))
        self._fill(memoryview(text))
        header: dict[str, Any] = json.loads(text)
        if "error" in header:
            raise SourceError(f"{self._path} {header['error']}")
        return header

    def _fill(self, buffer: memoryview) -> None:
        """Reads until the buffer is full.

        Raises:
            SourceError: The decoder crashed or hangs.
        """
        descriptor = self._messages.fileno()
        while buffer:
            if not wait_readable(descriptor, _SILENCE_LIMIT_S):
                self._child.kill()
                raise SourceError(
                    f"{self._path} delivered no frame for {_SILENCE_LIMIT_S:.0f} s; convert it, or choose another file"
                )
            count = self._messages.readinto(buffer)
            if not count:
                raise SourceError(f"{self._path} {self._why_ended()}")
            buffer = buffer[count:]

    def _why_ended(self) -> str:
        try:
            status = self._child.wait(_EXIT_LIMIT_S)
        except subprocess.TimeoutExpired:
            status = 0
        cause = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        return f"crashed its decoder ({cause}); it may be damaged: convert it, or choose another file"
