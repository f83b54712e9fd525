"""Pictures into a video file that plays however it ends."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.errors import OutputError
from live_cam.sinks.codecs import Codec, choose_encoder

# Each picture becomes a fragment of its own, which is on disk as soon as the next one comes, and costs about 100 bytes.
# Closing turns the fragments into an ordinary file. Without `delay_moov` the first time stamp would be lost.
_MP4: Final = {"movflags": "hybrid_fragmented+frag_every_frame+delay_moov"}
_MATROSKA: Final = {"cluster_time_limit": "200", "avoid_negative_ts": "disabled"}
_FINEST_TIME_BASE: Final = Fraction(1, 1_000_000)  # an MP4 counts each picture's duration in 31 bits
_MATROSKA_TIME_BASE: Final = Fraction(1, 1000)  # whatever is asked of it
_BT601_MATRIX, _BT709 = 6, 1  # in ITU-T H.273; the matrix need not be of the same standard as the primaries


class VideoWriter:
    """A video file in the making: killed at any moment it plays up to the picture before the last (MKV, WebM: 0.2 s).

    The file says how its colours are to be read. Not thread-safe.

    Attributes:
        path: The file.
        size_px: Width and height of its pictures, both even, as H.264's usual form demands.
        frames_n: How many there are.
        size_bytes: What is on disk.
        time_base: What the file's own time stamps count, in seconds.
    """

    def __init__(
        self,
        path: Path,
        size_px: tuple[int, int],
        time_base: Fraction,
        codec: Codec = "auto",
        rate_fps: float = 30.0,
        sample_aspect_ratio: Fraction = Fraction(1),
    ) -> None:
        """Opens a new file.

        Args:
            path: Where; its suffix says what it is.
            size_px: Width and height of the pictures to come; odd ones are made even by repeating the last line.
            time_base: What the time stamps of the pictures to come count, in seconds.
            codec: How to encode.
            rate_fps: About how often pictures come.
            sample_aspect_ratio: How many times as wide as high pixels are shown.

        Raises:
            UsageError: There is no such file format, or no such encoder.
            OutputError: The file is there already, or can't be written.
        """
        encoder, options = choose_encoder(path, codec)
        self.path = path.absolute()
        self.size_px = (size_px[0] + size_px[0] % 2, size_px[1] + size_px[1] % 2)
        self.frames_n = 0
        self.size_bytes = 0
        is_mp4 = self.path.suffix.casefold() == ".mp4"
        self.time_base = max(time_base, _FINEST_TIME_BASE) if is_mp4 else _MATROSKA_TIME_BASE
        self._ticks_per_pts = time_base / self.time_base
        self._last_pts = -1
        self._ended = False
        self._durations: dict[int, int] = {}
        try:
            self.path.open("xb").close()  # FFmpeg would overwrite
        except OSError as error:
            raise OutputError(f"{self.path.name} can't be written: {error.strerror}") from error
        # An MP4's first time stamp stands in its edit list, which counts in a scale of its own.
        options_of_file = {**_MP4, "movie_timescale": str(self.time_base.denominator)} if is_mp4 else _MATROSKA
        self._container = av.open(self.path, "w", options={"flush_packets": "1", **options_of_file})
        stream = self._container.add_stream(encoder, round(max(1.0, rate_fps)), options=options)
        self._stream = cast("VideoStream", stream)
        self._stream.width, self._stream.height = self.size_px
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = self.time_base
        context.sample_aspect_ratio = sample_aspect_ratio
        context.colorspace, context.color_range = _BT601_MATRIX, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709

    def write(self, rgb: NDArray[np.uint8], pts: int, duration: int = 0) -> int:
        """Adds a picture.

        Args:
            rgb: uint8 (H, W, 3), RGB; one of another size is fitted into the file's.
            pts: When it is shown, in the time base; made greater than the one before where it is not, and 0 where it
                is less, which files can't say.
            duration: For how long, if it is the last; 0 if unknown.

        Returns:
            The time stamp that it got, in the file's time base.

        Raises:
            OutputError: The disk is full, or fails.
        """
        self._last_pts = pts = max(round(pts * self._ticks_per_pts), self._last_pts + 1)
        picture = av.VideoFrame.from_ndarray(_yuv420(fit(rgb, self.size_px)), format="yuv420p")
        picture.pts, picture.time_base = pts, self.time_base
        self._durations[pts] = round(duration * self._ticks_per_pts)
        self._encode(picture)
        self.frames_n += 1
        return pts

    def close(self) -> None:
        """Makes it an ordinary file; if that fails, or writing has failed before, it stays playable as it is.

        Raises:
            OutputError: The disk is full, or fails.
        """
        if self._ended:
            return
        if self.frames_n:
            self._encode(None)
        self._end()
        if self.frames_n:
            self.size_bytes = self.path.stat().st_size

    def _encode(self, picture: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(picture):
                packet.duration = self._durations.pop(packet.pts or 0, 0)
                self._container.mux(packet)
            self.size_bytes = self.path.stat().st_size
        except (OSError, av.FFmpegError) as error:
            with contextlib.suppress(OutputError):
                self._end()
            raise self._failed(error) from error

    def _end(self) -> None:
        """Closes the file; one that can't be is cut to the pictures that are whole, one without pictures is removed.

        Raises:
            OutputError: The disk is full, or fails.
        """
        self._ended = True
        try:
            self._container.close()
        except (OSError, av.FFmpegError) as error:
            with contextlib.suppress(OSError):
                os.truncate(self.path, self.size_bytes)
            raise self._failed(error) from error
        finally:
            if not self.size_bytes:
                self.path.unlink(missing_ok=True)

    def _failed(self, error: OSError | av.FFmpegError) -> OutputError:
        return OutputError(f"{self.path.name} can't be written on: {error.strerror or error}")


def _yuv420(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Converts (H, W, 3), both even, to (1.5 H, W) by BT.601 in the limited range, in a third of the time of FFmpeg."""
    height, width = rgb.shape[:2]
    yuv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
    # OpenCV takes the colour of one pixel for four; their mean is what fine patterns need.
    halved = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, v, u = cv2.split(cv2.cvtColor(halved, cv2.COLOR_RGB2YCrCb))
    for plane, full_range in zip(yuv[height:].reshape(2, height // 2, width // 2), (u, v), strict=True):
        cv2.convertScaleAbs(full_range, dst=plane, alpha=224 / 255, beta=128 - 128 * 224 / 255)
    return yuv


def fit(rgb: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Fits a picture into a size: (H, W, 3) with black bars where the shape differs, the last line twice if odd."""
    height, width = rgb.shape[:2]
    if (width + width % 2, height + height % 2) != size_px:
        scale = min(size_px[0] / width, size_px[1] / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        left, top = (size_px[0] - width) // 2, (size_px[1] - height) // 2
        bars = (top, size_px[1] - height - top, left, size_px[0] - width - left)
        return np.asarray(cv2.copyMakeBorder(rgb, *bars, cv2.BORDER_CONSTANT), np.uint8)
    if (width, height) != size_px:
        odd = (0, size_px[1] - height, 0, size_px[0] - width)
        return np.asarray(cv2.copyMakeBorder(rgb, *odd, cv2.BORDER_REPLICATE), np.uint8)
    return rgb
