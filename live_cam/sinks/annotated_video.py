"""A video with what was explained in it: pictures, sidecar, subtitles."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation
from live_cam.sinks.codecs import Codec
from live_cam.sinks.sidecar import Sidecar
from live_cam.sinks.subtitles import Subtitles
from live_cam.sinks.video_writer import VideoWriter


def companions(video: Path, subtitles: bool) -> list[Path]:
    """Names the files that are written beside a video."""
    return [video.with_suffix(suffix) for suffix in (".jsonl", *([".vtt"] if subtitles else []))]


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """How a video's pictures are given, and how they are written.

    Attributes:
        size_px: Width and height of the pictures.
        time_base: What time stamps count, in seconds.
        rate_fps: About how often pictures come.
        codec: How to encode.
        sample_aspect_ratio: How many times as wide as high pixels are shown.
        subtitles: Whether to write the likeliest class as subtitles, too.
    """

    size_px: tuple[int, int]
    time_base: Fraction
    rate_fps: float = 30.0
    codec: Codec = "auto"
    sample_aspect_ratio: Fraction = Fraction(1)
    subtitles: bool = False


class AnnotatedVideo:
    """Two or three files that are written together.

    Attributes:
        explained_n: Pictures with an explanation.
        end_s: When the last picture ends, on the video's time line.
    """

    def __init__(self, path: Path, form: VideoFormat, header: Mapping[str, Any]) -> None:
        """Opens the files, all new, or none.

        Args:
            path: The video; its suffix says what it is.
            form: How pictures are given and written.
            header: What the sidecar begins with, besides the video's name and time base; its `settings` are those in
                force.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: A file is there already, or can't be written.
        """
        self._time_base = form.time_base
        self._video = VideoWriter(
            path, form.size_px, form.time_base, form.codec, form.rate_fps, form.sample_aspect_ratio
        )
        self._closed = False
        self.explained_n = 0
        self.end_s = 0.0
        names = companions(path, form.subtitles)
        ticks_s = self._video.time_base
        first = {**header, "video": path.name, "time_base": [ticks_s.numerator, ticks_s.denominator]}
        with contextlib.ExitStack() as undoing:
            undoing.callback(self._video.close)  # which leaves no file without pictures
            self._sidecar = Sidecar(names[0], first)
            undoing.callback(names[0].unlink, missing_ok=True)
            undoing.callback(self._sidecar.close, {})
            self._subtitles = Subtitles(names[1]) if form.subtitles else None
            undoing.pop_all()

    @property
    def frames_n(self) -> int:
        """Pictures in it."""
        return self._video.frames_n

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
        self.end_s = begin_s + float(duration * self._time_base)
        if explanation is not None:
            self.explained_n += 1
            self._sidecar.explained(pts_of_file, explanation, settings)
            self._say(begin_s, explanation.top[0].label)

    def fall_silent(self) -> None:
        """Ends the subtitles that are shown, until the next explanation.

        Raises:
            OutputError: The disk is full, or fails.
        """
        self._say(self.end_s, "")

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

    def _say(self, time_s: float, label: str) -> None:
        if self._subtitles is not None:
            self._subtitles.say(time_s, label)
