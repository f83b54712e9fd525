"""Reading of a video file from start to end; runs in a process of its own, since FFmpeg crashes on some damage."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.prefetch import Prefetcher
from live_cam.sources.decode.orientation import apply_display_matrix, upright_pixel_ratio
from live_cam.sources.decode.unknown_size import why_size_is_unknown, why_too_large
from live_cam.sources.decode.video_stream import choose_video, frame_rate
from live_cam.timeline import Timeline

MAX_PIXELS = 8192 * 8192
NO_TIMESTAMPS = 0x80  # AVFMT_NOTIMESTAMPS, a flag of container formats

_DEFAULT_FPS = 25
_MIN_LAST_FRAME_S = Fraction(1, 120)
_MAX_LAST_FRAME_S = 1
_CUT_SHORT_S = 0.5
_MAX_THREADS = 8  # each holds frames of its own, and memory is limited


class VideoReader:
    """The video stream of a file; see `choose_video`.

    Args:
        path: The file.
        formats: The container formats that are read, by FFmpeg's names with commas between; empty for all.
        start_pts: The time of the key frame to start at, in ticks; None for the start of the file.

    Attributes:
        size_px: Height and width, as stored.
        time_base: Seconds per tick.
        rate_fps: Frames per second, on average as far as known.
        sample_aspect_ratio: Width to height of a pixel of the upright frames, known from the first frame on; 1 if not
            declared.
        duration_s: Declared duration of the stream in seconds; None if not declared.
        num_frames: Declared number of frames; None if not declared.
        end_pts: When the last frame that was read ends, in ticks, with its duration kept within plausible limits.

    Raises:
        SourceError: The file contains no video, or it is too large; the message continues a sentence that starts with
            the file's name.
    """

    def __init__(self, path: str, formats: str = "", start_pts: int | None = None) -> None:
        limits = {"max_pixels": str(MAX_PIXELS)}
        options = limits | ({"format_whitelist": formats} if formats else {})
        try:
            self._container = av.open(path, options=options)
        except (av.FFmpegError, ValueError) as error:
            detail = getattr(error, "strerror", None) or error
            reason = why_too_large(path, options) or f"is not a readable video ({detail}); give another file"
            raise SourceError(reason) from error
        stream = choose_video(self._container)
        if stream is None:
            raise SourceError("has no video stream; give a file with video")
        self._stream = stream
        self._start_pts = start_pts
        self._index = stream.index  # which PyAV no longer knows once the file is closed
        codec = stream.codec_context
        if codec is None:
            raise SourceError("has video in an unsupported codec; convert it to H.264")
        if codec.width * codec.height == 0:
            raise SourceError(why_size_is_unknown(path, options, self._container, stream))
        if codec.width * codec.height > MAX_PIXELS:
            raise SourceError(f"has frames of {codec.width}x{codec.height}, too large; scale them down")
        codec.options = limits
        # With frame threads, PyAV loses the last frames of a file whose last packet is damaged, as by a cut.
        codec.thread_type = "SLICE"
        codec.thread_count = min(os.cpu_count() or 1, _MAX_THREADS)
        self._codec = codec
        rate = frame_rate(stream) or Fraction(_DEFAULT_FPS)
        self.size_px = (codec.height, codec.width)
        self.time_base = stream.time_base or 1 / rate
        self.rate_fps = float(rate)
        self.sample_aspect_ratio = Fraction(1)
        self.duration_s = self._declared_duration_s()
        self.num_frames = stream.frames or None
        self.end_pts = 0
        self._timed = [*self._container.streams.video, *self._container.streams.audio]
        self._timeline = Timeline(self._timed, self._container.format.flags)
        self._default_duration = max(1, round(1 / (rate * self.time_base)))
        self._min_last = max(1, round(_MIN_LAST_FRAME_S / self.time_base))
        self._max_last = max(1, round(_MAX_LAST_FRAME_S / self.time_base))
        self._num_read = 0
        self._read_s = 0.0
        self._num_undecodable = 0
        self._read_error = ""
        # AVI holds no presentation times. FFmpeg's are those of the order of decoding, which B-frames change.
        self._takes_times_in_order = self._container.format.name == "avi"
        self._times: deque[int | None] = deque()
        if start_pts is not None:
            self._container.seek(start_pts, stream=stream)

    @property
    def problem(self) -> str:
        """What is wrong with the file, known after the last frame; empty if nothing."""
        if self._num_read == 0:
            return "it contains no frame that can be decoded; it may be cut short"
        problems = []
        if self._num_undecodable:
            packets = "packet" if self._num_undecodable == 1 else "packets"
            problems.append(f"{self._num_undecodable} {packets} could not be decoded")
        # Declared is the time from the first timestamp to the last, with the gaps that were closed.
        due_s = None if self.duration_s is None else self.duration_s + self._timeline.offset_s(self._index)
        if due_s is not None and due_s - self._read_s > _CUT_SHORT_S:
            problems.append(f"it ends after {self._read_s:.1f} of {due_s:.1f} s; it may be cut short")
        elif self._read_error:
            problems.append(f"it can't be read beyond {self._read_s:.1f} s ({self._read_error}); it may be cut short")
        return " and ".join(problems)

    def frames(self) -> Generator[tuple[NDArray[np.uint8], int, int], None, None]:
        """Yields each frame, its time and its duration (0: unknown) in ticks; damaged packets are skipped.

        Times are the file's own, with gaps closed (see `Timeline`), and strictly increase; a frame without one follows
        its predecessor. A thread decodes the next frames meanwhile; it ends when the generator is closed.
        """
        last: int | None = None
        start = self._stream.start_time
        due = start or 0
        decoded = self._decode()
        with Prefetcher(lambda: next(decoded, None), max_items=1) as frames:
            for frame in frames:
                if self._start_pts is not None and frame.pts is not None and frame.pts < self._start_pts:
                    continue  # needs frames before the key frame, or a seek ended at an earlier one
                rgb = self._convert(frame)
                if rgb is None:
                    continue
                pts = due if frame.pts is None else frame.pts
                if last is not None:
                    pts = max(pts, last + 1)
                if start is None:
                    start = pts
                duration = max(0, frame.duration or 0)
                if self._num_read == 0:
                    self.sample_aspect_ratio = upright_pixel_ratio(self._stream, frame)
                self._num_read += 1
                last, due = pts, pts + (duration or self._default_duration)
                self._read_s = float((due - start) * self.time_base)
                self.end_pts = pts + min(max(due - pts, self._min_last), self._max_last)
                yield rgb, pts, duration

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            if packet is not None and self._takes_times_in_order:
                self._times.append(packet.dts)
            try:
                for frame in self._codec.decode(packet):
                    if self._times:
                        frame.pts = self._times.popleft()
                    yield frame
            except av.FFmpegError as error:
                if self._times:
                    self._times.pop()
                self._skip(error)

    def _convert(self, frame: av.VideoFrame) -> NDArray[np.uint8] | None:
        try:
            return apply_display_matrix(frame)
        except av.FFmpegError as error:
            self._skip(error)
            return None

    def _skip(self, error: av.FFmpegError) -> None:
        if isinstance(error, MemoryError):
            raise error
        self._num_undecodable += 1

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yields the readable packets, then None, which makes decoders return the frames they hold back."""
        try:
            for packet in self._container.demux(self._timed):
                if not packet.size:
                    continue
                self._timeline.shift(packet)
                if packet.stream_index == self._index:
                    yield cast("Packet[VideoStream]", packet)
        except av.FFmpegError as error:
            self._read_error = str(error.strerror)
        yield None

    def _declared_duration_s(self) -> float | None:
        """Returns the stream's duration, or the file's where that must be the stream's."""
        stream, container = self._stream, self._container
        if container.format.flags & NO_TIMESTAMPS:
            return None  # an estimate from the file size
        if stream.duration is not None:
            return float(stream.duration * self.time_base)
        tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if tag is not None:
            duration_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        elif container.duration is not None and len(container.streams) == 1:
            duration_s = container.duration / av.time_base
        else:
            return None
        if "matroska" in container.format.name:
            # FFmpeg writes the end time of the stream there. Other muxers may write less, never more.
            duration_s -= float((stream.start_time or 0) * self.time_base)
        return duration_s if duration_s > 0 else None
