"""An annotated video with its sidecar and subtitles."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.sinks.codecs import Codec
from live_cam.sinks.sidecar import Sidecar
from live_cam.sinks.subtitles import Subtitles
from live_cam.sinks.video_writer import VideoWriter
from live_cam.types import Explanation


def sidecar_paths(video: Path, subtitles: bool) -> list[Path]:
    """Returns the paths of the files written beside a video: the sidecar, then the subtitles."""
    return [video.with_suffix(suffix) for suffix in (".jsonl", *([".vtt"] if subtitles else []))]


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Format of the frames of a video, and how to encode them.

    Attributes:
        size_px: Width and height of the frames.
        time_base: Unit of the frames' timestamps, in seconds.
        rate_fps: Approximate frame rate.
        codec: The codec.
        sample_aspect_ratio: Width of a pixel divided by its height.
        subtitles: Whether to write the top class as subtitles.
    """

    size_px: tuple[int, int]
    time_base: Fraction
    rate_fps: float = 30.0
    codec: Codec = "auto"
    sample_aspect_ratio: Fraction = Fraction(1)
    subtitles: bool = False


class AnnotatedVideo:
    """Writes a video, its sidecar and its subtitles together.

    Attributes:
        num_explained: Number of frames with an explanation of their own.
        end_s: End of the last frame on the video's time line.
    """

    def __init__(self, path: Path, video_format: VideoFormat, header: Mapping[str, Any]) -> None:
        """Creates the files beside the video, or none; the video itself comes with its first frame.

        Args:
            path: The video; its suffix selects the container.
            video_format: Format of the frames.
            header: Header of the sidecar, to which the video's name and time base are added; its `settings` are those
                of the first frame.

        Raises:
            UsageError: The container is unknown, or the encoder is not available.
            OutputError: A file exists, or cannot be written.
        """
        self._time_base = video_format.time_base
        self._video = VideoWriter(
            path,
            video_format.size_px,
            video_format.time_base,
            video_format.codec,
            video_format.rate_fps,
            video_format.sample_aspect_ratio,
        )
        self._closed = False
        self.num_explained = 0
        self.end_s = 0.0
        paths = sidecar_paths(path, video_format.subtitles)
        time_base = self._video.time_base
        header = {**header, "video": path.name, "time_base": [time_base.numerator, time_base.denominator]}
        with contextlib.ExitStack() as cleanup:
            self._sidecar = Sidecar(paths[0], header)
            cleanup.callback(paths[0].unlink, missing_ok=True)
            cleanup.callback(self._sidecar.close, {})
            self._subtitles = Subtitles(paths[1]) if video_format.subtitles else None
            cleanup.pop_all()

    @property
    def num_frames(self) -> int:
        """Number of frames written."""
        return self._video.num_frames

    @property
    def size_bytes(self) -> int:
        """Size of the video on disk."""
        return self._video.size_bytes

    def write(
        self,
        rgb: NDArray[np.uint8],
        pts: int,
        duration: int,
        explanation: Explanation | None,
        settings: Mapping[str, Any],
        second: Explanation | None = None,
    ) -> None:
        """Appends a frame and its explanation.

        Args:
            rgb: uint8 (H, W, 3), RGB.
            pts: Timestamp, in the time base.
            duration: Duration if it is the last frame, in the time base; 0 if unknown.
            explanation: None for a frame that was not explained itself.
            settings: The current settings.
            second: What is drawn at the right of it; None for nothing.

        Raises:
            OutputError: The disk is full, or fails.
        """
        file_pts = self._video.write(rgb, pts, duration)
        start_s = float(file_pts * self._video.time_base)
        self.end_s = start_s + float(duration * self._time_base)
        if explanation is not None:
            self.num_explained += 1
            right = {} if second is None else {"second": second.describe()}
            self._sidecar.write_frame(file_pts, {**explanation.describe(), **right}, settings)
            self._show_subtitle(start_s, explanation.top[0].label)

    def clear_subtitle(self) -> None:
        """Shows no subtitle until the next explanation.

        Raises:
            OutputError: The disk is full, or fails.
        """
        self._show_subtitle(self.end_s, "")

    def close(self, end: Mapping[str, Any]) -> None:
        """Finishes the files; further calls do nothing.

        Args:
            end: Added to the end line of the sidecar after the numbers of frames.

        Raises:
            OutputError: The disk is full, or fails; whatever can be closed is closed.
        """
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as closing:
            if self._subtitles is not None:
                closing.callback(self._subtitles.close, self.end_s)
            closing.callback(self._sidecar.close, {"frames": self.num_frames, "explained": self.num_explained, **end})
            self._video.close()

    def _show_subtitle(self, time_s: float, label: str) -> None:
        if self._subtitles is not None:
            self._subtitles.show(time_s, label)
