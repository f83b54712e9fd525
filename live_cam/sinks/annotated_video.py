"""A video with what was explained in it: pictures, sidecar, subtitles."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import OutputError
from live_cam.frame import Explanation
from live_cam.sinks.codecs import Codec
from live_cam.sinks.sidecar import Sidecar
from live_cam.sinks.subtitles import Subtitles
from live_cam.sinks.video_writer import VideoWriter


def companions(video: Path, subtitles: bool) -> list[Path]:
    """Names the files that are written beside a video."""
    return [video.with_suffix(suffix) for suffix in (".jsonl", *([".vtt"] if subtitles else []))]


class AnnotatedVideo:
    """Two or three files that are written together.

    Attributes:
        frames_n: Pictures in it.
        explained_n: Those with an explanation.
        end_s: When the last picture begins.
    """

    def __init__(
        self,
        path: Path,
        size_px: tuple[int, int],
        time_base: Fraction,
        rate_fps: float,
        codec: Codec,
        subtitles: bool,
        header: Mapping[str, Any],
    ) -> None:
        """Opens the files, all new; see `VideoWriter`.

        Args:
            path: The video.
            size_px: Width and height of the pictures.
            time_base: What time stamps count, in seconds.
            rate_fps: About how often pictures come.
            codec: How to encode.
            subtitles: Whether to write the likeliest class as subtitles, too.
            header: What the sidecar begins with, besides the video's name and time base; its `settings` are those in
                force.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: A file is there already, or can't be written.
        """
        self._time_base = time_base
        self._video = VideoWriter(path, size_px, time_base, codec, rate_fps)
        self._closed = False
        self.frames_n = 0
        self.explained_n = 0
        self.end_s = 0.0
        names = companions(path, subtitles)
        ticks_s = self._video.time_base
        first = {**header, "video": path.name, "time_base": [ticks_s.numerator, ticks_s.denominator]}
        try:
            self._sidecar = Sidecar(names[0], first)
            self._subtitles = Subtitles(names[1]) if subtitles else None
        except OutputError:
            self._video.close()
            raise

    @property
    def size_bytes(self) -> int:
        """The video's size on disk."""
        return self._video.size_bytes

    def write(
        self,
        rgb: NDArray[np.uint8],
        pts: int,
        duration: int,
        explanation: Explanation | None,
        settings: Mapping[str, Any],
    ) -> None:
        """Adds a picture and what was explained in it.

        Args:
            rgb: uint8 (H, W, 3), RGB.
            pts: When it is shown, in the time base.
            duration: For how long, if it is the last; 0 if unknown.
            explanation: None where it was not explained itself.
            settings: Those in force.

        Raises:
            OutputError: The disk is full, or fails.
        """
        pts_of_file = self._video.write(rgb, pts, duration)
        begin_s = float(pts_of_file * self._video.time_base)
        self.frames_n += 1
        self.end_s = begin_s + float(duration * self._time_base)
        if explanation is None:
            return
        self.explained_n += 1
        self._sidecar.explained(pts_of_file, explanation, settings)
        if self._subtitles is not None:
            self._subtitles.say(begin_s, explanation.top[0].label)

    def close(self, end: Mapping[str, Any]) -> None:
        """Finishes the files; the second time it does nothing.

        Args:
            end: What the sidecar's last line says besides the numbers of frames.

        Raises:
            OutputError: The disk is full, or fails; all that can be is closed.
        """
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as closing:
            if self._subtitles is not None:
                closing.callback(self._subtitles.close, self.end_s)
            closing.callback(self._sidecar.close, {"frames": self.frames_n, "explained": self.explained_n, **end})
            self._video.close()
