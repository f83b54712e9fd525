"""Frames into a video file that is playable however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.files import write_error
from live_cam.sinks.codecs import Codec, choose_encoder
from live_cam.sinks.growing_file import GrowingFile
from live_cam.sinks.mp4_fragment import movie_fragment

# Each frame is a fragment of its own, which costs about 100 bytes. Closing turns the fragments into an ordinary file.
_MP4_FLAGS: Final = "hybrid_fragmented+frag_every_frame"
_MATROSKA: Final = {"cluster_time_limit": "200", "avoid_negative_ts": "disabled"}
_MIN_MP4_TIME_BASE: Final = Fraction(1, 1_000_000)  # MP4 stores the duration of each frame in 31 bits
_MATROSKA_TIME_BASE: Final = Fraction(1, 1000)  # FFmpeg's muxer knows no other
_FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska", ".webm": "webm"}
_BUFFER_BYTES: Final = 1 << 20
_BT601_MATRIX, _BT709 = 6, 1  # in ITU-T H.273; the matrix need not be of the same standard as the primaries


class VideoWriter:
    """Writes a video file that plays up to its last frame if the process is killed (MKV, WebM: up to 0.2 s before).

    There is no file before it has a frame. It declares its colour space. Not thread-safe.

    Attributes:
        path: The file.
        size_px: Width and height of the video, both even, as 4:2:0 chroma subsampling requires.
        num_frames: Number of frames written.
        time_base: Unit of the file's timestamps, in seconds.
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
        """Prepares; the first frame creates the file.

        Args:
            path: The new file; its suffix selects the container.
            size_px: Width and height of the frames; odd ones are made even by repeating the last column or row.
            time_base: Unit of the frames' timestamps, in seconds.
            codec: The codec.
            rate_fps: Approximate frame rate.
            sample_aspect_ratio: Width of a pixel divided by its height.

        Raises:
            UsageError: The container is unknown, or the encoder is not available.
            OutputError: The file exists.
        """
        self._encoder, self._encoder_options = choose_encoder(path, codec)
        self.path = path.absolute()
        self.size_px = even_size(size_px)
        self.num_frames = 0
        self._is_mp4 = self.path.suffix.casefold() == ".mp4"
        self.time_base = max(time_base, _MIN_MP4_TIME_BASE) if self._is_mp4 else _MATROSKA_TIME_BASE
        self._ticks_per_pts = time_base / self.time_base
        self._rate_fps = rate_fps
        self._sample_aspect_ratio = sample_aspect_ratio
        self._last_pts = -1
        self._closed = False
        self._durations: dict[int, int] = {}
        if self.path.exists():
            raise write_error(self.path.name, FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)))
        self._file = GrowingFile(self.path)
        self._container: OutputContainer | None = None
        self._is_moov_first = False
        self._first_dts: int | None = None

    @property
    def size_bytes(self) -> int:
        """Size on disk."""
        return self._file.size_bytes

    def write(self, rgb: NDArray[np.uint8], pts: int, duration: int = 0) -> int:
        """Appends a frame.

        Args:
            rgb: uint8 (H, W, 3), RGB; one of another size is letterboxed.
            pts: Timestamp, in the time base. Raised to 0, since files cannot hold less, and above that of the frame
                before.
            duration: Duration if it is the last frame, in the time base; 0 if unknown.

        Returns:
            The timestamp in the file, in the file's time base.

        Raises:
            OutputError: The disk is full, or fails.
        """
        self._last_pts = pts = max(round(pts * self._ticks_per_pts), self._last_pts + 1)
        frame = video_frame(rgb, self.size_px, pts, self.time_base)
        self._durations[pts] = round(duration * self._ticks_per_pts)
        try:
            if self._container is None:
                self._open(pts)
            self._encode(frame)
        except (OSError, av.FFmpegError) as error:
            self._abandon()
            raise write_error(self.path.name, error) from error
        self.num_frames += 1
        return pts

    def close(self) -> None:
        """Turns the fragments into an ordinary file; if that or an earlier write failed, they stay playable.

        Raises:
            OutputError: The disk is full, or fails.
        """
        if self._closed or self._container is None:
            return
        try:
            self._encode(None)
            self._container.close()
            self._file.commit()
        except (OSError, av.FFmpegError) as error:
            raise write_error(self.path.name, error) from error
        finally:
            self._abandon()

    def _open(self, first_pts: int) -> None:
        suffix = self.path.suffix.casefold()
        options = _MATROSKA
        if self._is_mp4:
            # An index that precedes all frames lacks the first timestamp, and what some encoders tell with a frame.
            self._is_moov_first = first_pts == 0 and self._encoder == "libx264"
            moov = "empty_moov" if self._is_moov_first else "delay_moov"
            # The first timestamp is in the edit list, which has a time scale of its own.
            options = {"movflags": f"{_MP4_FLAGS}+{moov}", "movie_timescale": str(self.time_base.denominator)}
        self._container = av.open(
            cast("BinaryIO", self._file),
            "w",
            format=_FORMATS[suffix],
            options={"flush_packets": "1", **options},
            buffer_size=_BUFFER_BYTES,
        )
        stream = self._container.add_stream(
            self._encoder, round(max(1.0, self._rate_fps)), options=self._encoder_options
        )
        self._stream = cast("VideoStream", stream)
        describe_frames(self._stream, self.size_px, self.time_base)
        self._stream.codec_context.sample_aspect_ratio = self._sample_aspect_ratio
        self._container.start_encoding()
        self._header_bytes = self._file.end

    def _encode(self, frame: av.VideoFrame | None) -> None:
        assert self._container is not None
        for packet in self._stream.encode(frame):
            packet.duration = self._durations.pop(packet.pts or 0, 0)
            self._container.mux(packet)
            if self._first_dts is None:
                self._first_dts = packet.dts or 0
            # The muxer holds an MP4's newest frame until the next comes, and those of a Matroska cluster.
            if self._is_moov_first or self._file.end > self._header_bytes:
                self._file.commit(self._fragment(packet, self._first_dts) if self._is_mp4 else b"")

    def _fragment(self, packet: av.Packet[Any], first_dts: int) -> bytes:
        """Returns the fragment that the muxer will write of its newest frame."""
        return movie_fragment(
            bytes(packet),
            (packet.dts or 0) - first_dts,
            max(1, packet.duration or 0),
            packet.is_keyframe,
            self.num_frames + 1,
            self._file.end,
        )

    def _abandon(self) -> None:
        """Closes everything; what was not committed is lost."""
        self._closed = True
        if self._container is not None:
            with contextlib.suppress(OSError, av.FFmpegError):
                self._container.close()
        self._file.close()


def even_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Returns the size of a video for frames of some width and height: even, as 4:2:0 chroma subsampling requires."""
    return size_px[0] + size_px[0] % 2, size_px[1] + size_px[1] % 2


def describe_frames(stream: VideoStream, size_px: tuple[int, int], time_base: Fraction) -> None:
    """Tells an encoder the size, timestamps and colours of what `video_frame` returns."""
    stream.width, stream.height = size_px
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = time_base
    context.colorspace, context.color_range = _BT601_MATRIX, ColorRange.MPEG
    context.color_primaries = context.color_trc = _BT709


def video_frame(rgb: NDArray[np.uint8], size_px: tuple[int, int], pts: int, time_base: Fraction) -> av.VideoFrame:
    """Returns a frame for an encoder.

    Args:
        rgb: uint8 (h, w, 3), RGB.
        size_px: Width and height, both even, to which it is letterboxed.
        pts: Timestamp.
        time_base: Its unit, in seconds.
    """
    frame = av.VideoFrame.from_ndarray(_yuv420(letterbox(rgb, size_px)), format="yuv420p")
    frame.pts, frame.time_base = pts, time_base
    return frame


def letterbox(rgb: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a frame scaled to a width and height, with black bars if its aspect ratio differs.

    One that is a column or row short of an even size has its last one repeated instead.

    Args:
        rgb: uint8 (h, w, 3).
        size_px: W and H.

    Returns:
        uint8 (H, W, 3).
    """
    height, width = rgb.shape[:2]
    if (width + width % 2, height + height % 2) != size_px:
        scale = min(size_px[0] / width, size_px[1] / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        left, top = (size_px[0] - width) // 2, (size_px[1] - height) // 2
        bars = (top, size_px[1] - height - top, left, size_px[0] - width - left)
        return np.asarray(cv2.copyMakeBorder(rgb, *bars, cv2.BORDER_CONSTANT), np.uint8)
    if (width, height) != size_px:
        border = (0, size_px[1] - height, 0, size_px[0] - width)
        return np.asarray(cv2.copyMakeBorder(rgb, *border, cv2.BORDER_REPLICATE), np.uint8)
    return rgb


def _yuv420(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Converts (H, W, 3), both even, to (1.5 H, W): BT.601, limited range, in a third of FFmpeg's time."""
    height, width = rgb.shape[:2]
    yuv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
    # OpenCV takes the chroma of one pixel for four; fine patterns need their mean.
    halved = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, v, u = cv2.split(cv2.cvtColor(halved, cv2.COLOR_RGB2YCrCb))
    for plane, full_range in zip(yuv[height:].reshape(2, height // 2, width // 2), (u, v), strict=True):
        cv2.convertScaleAbs(full_range, dst=plane, alpha=224 / 255, beta=128 - 128 * 224 / 255)
    return yuv
