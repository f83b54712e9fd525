"""Decoding of a video file in a process of its own, so that a file that crashes FFmpeg crashes nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.files import require_file
from live_cam.sources.decode.decoder_process import DecoderProcess

_SILENCE_LIMIT_S = 20.0
_ADVICE = "it may be damaged: convert it, or choose another file"


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
        name: What error messages call it; by default its path.
        is_upload: Whether somebody sent it: pictures are read, too, and no format that opens other files.
        start_pts: The time of the key frame to start at, in ticks; None for the start of the file.

    Attributes:
        info: What the file declares.
        problem: What is wrong with the file, known after the last frame; empty if nothing.

    Raises:
        SourceError: The file does not exist, contains no video that can be decoded, or crashed its decoder.
    """

    def __init__(
        self,
        path: Path,
        loop: bool = False,
        name: str | None = None,
        is_upload: bool = False,
        start_pts: int | None = None,
    ) -> None:
        require_file(path, "a video file", name)
        self.problem = ""
        self._is_closed = False
        self._reading = threading.Lock()
        # Absolute, since FFmpeg takes what precedes a colon in a name for a protocol.
        arguments = [str(path.absolute()), *(["--loop"] if loop else [])]
        arguments += [] if start_pts is None else [f"--start-pts={start_pts}"]
        module = f"live_cam.sources.decode.{'upload' if is_upload else 'worker'}_process"
        self._decoder = DecoderProcess(module, arguments, name or str(path), _ADVICE)
        try:
            header = self._decoder.read_header(_SILENCE_LIMIT_S)
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
                header = self._decoder.read_header(_SILENCE_LIMIT_S)
                if "problem" not in header:
                    rgb = self._decoder.read_pixels(header, _SILENCE_LIMIT_S)
                    return DecodedFrame(rgb, header["pts"], header["duration"])
            except SourceError:
                self._end()
                raise
            self.problem = header["problem"]
            self._end()
            return None

    def close(self) -> None:
        """Ends the decoder."""
        self._decoder.kill()
        with self._reading:
            self._end()

    def _end(self) -> None:
        self._is_closed = True
        self._decoder.end()
