"""A video file from its first picture to its last; run in a process of its own, since FFmpeg crashes on some damage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.sources.upright import upright

MOST_PIXELS = 8192 * 8192
NO_TIME_STAMPS = 0x80  # AVFMT_NOTIMESTAMPS, a container format's flag

_USUAL_FPS = 25
_SHORTEST_LAST_S = Fraction(1, 120)
_LONGEST_LAST_S = 1
_CUT_SHORT_S = 0.5
_MOST_THREADS = 8  # each holds pictures of its own, and the memory is limited


class Clip:
    """The first video stream of a file.

    Attributes:
        size_px: Height and width, as stored.
        time_base: Seconds a tick.
        rate_fps: Pictures a second, on average as far as that is known.
        sample_aspect_ratio: Width to height of a pixel of the upright pictures, known from the first of them on; 1 if
            the file does not say.
        declared_s: How long the stream claims to be, in seconds; None if it does not.
        declared_n: How many pictures it claims to have; None if it does not.
        end: When the last picture given ends, in ticks, as far as its duration is believable.

    Raises:
        SourceError: There is no video in it, or it is too large; the text goes on where the file's name ends.
    """

    def __init__(self, path: str) -> None:
        limits = {"max_pixels": str(MOST_PIXELS)}
        try:
            self._container = av.open(path, options=limits)
        except (av.FFmpegError, ValueError) as error:
            detail = getattr(error, "strerror", None) or error
            raise SourceError(f"is not a video that can be read ({detail})") from error
        if not self._container.streams.video:
            raise SourceError("has no video stream; give a file with pictures in it")
        self._stream = stream = self._container.streams.video[0]
        codec = stream.codec_context
        if codec is None:
            raise SourceError("has video in a codec that can't be decoded here; convert it to H.264")
        if codec.width * codec.height == 0:  # what FFmpeg finds impossible, or beyond the limit, it makes zero
            raise SourceError("has pictures whose size is unknown or too large; it may be cut short")
        if codec.width * codec.height > MOST_PIXELS:
            raise SourceError(f"has pictures of {codec.width}x{codec.height}, too large; make them smaller")
        codec.options = limits
        # With frame threads PyAV loses the last pictures of a file whose last packet is damaged, as by a cut.
        codec.thread_type = "SLICE"
        codec.thread_count = min(os.cpu_count() or 1, _MOST_THREADS)
        self._codec = codec
        rate = stream.average_rate or stream.guessed_rate or Fraction(_USUAL_FPS)
        self.size_px = (codec.height, codec.width)
        self.time_base = stream.time_base or 1 / rate
        self.rate_fps = float(rate)
        self.sample_aspect_ratio = Fraction(1)
        self.declared_s = self._declared_s()
        self.declared_n = stream.frames or None
        self.end = 0
        self._usual = max(1, round(1 / (rate * self.time_base)))
        self._shortest_last = max(1, round(_SHORTEST_LAST_S / self.time_base))
        self._longest_last = max(1, round(_LONGEST_LAST_S / self.time_base))
        self._given_n = 0
        self._shown_s = 0.0
        self._undecodable_n = 0
        self._unreadable = ""

    @property
    def problem(self) -> str:
        """What is wrong with the file, known after the last picture; empty if nothing."""
        if self._given_n == 0:
            return "it holds no picture that can be decoded; it may be cut short"
        found = []
        if self._undecodable_n:
            packets = "packet" if self._undecodable_n == 1 else "packets"
            found.append(f"{self._undecodable_n} {packets} could not be decoded")
        if self.declared_s is not None and self.declared_s - self._shown_s > _CUT_SHORT_S:
            found.append(f"it ends after {self._shown_s:.1f} of {self.declared_s:.1f} s; it may be cut short")
        elif self._unreadable:
            found.append(f"it can't be read beyond {self._shown_s:.1f} s ({self._unreadable}); it may be cut short")
        return " and ".join(found)

    def pictures(self) -> Iterator[tuple[NDArray[np.uint8], int, int]]:
        """Gives each picture, its time and its duration (0: unknown) in ticks; damaged packets are passed over.

        Times are the file's own; a picture without follows the one before it. They strictly increase.
        """
        last: int | None = None
        start = self._stream.start_time
        due = start or 0
        for picture in _ahead(self._decoded()):
            rgb = self._upright(picture)
            if rgb is None:
                continue
            pts = due if picture.pts is None else picture.pts
            if last is not None:
                pts = max(pts, last + 1)
            if start is None:
                start = pts
            duration = max(0, picture.duration or 0)
            if self._given_n == 0:
                self.sample_aspect_ratio = self._upright_ratio(picture)
            self._given_n += 1
            last, due = pts, pts + (duration or self._usual)
            self._shown_s = float((due - start) * self.time_base)
            self.end = pts + min(max(due - pts, self._shortest_last), self._longest_last)
            yield rgb, pts, duration

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                yield from self._codec.decode(packet)
            except av.FFmpegError as error:
                self._pass_over(error)

    def _upright(self, picture: av.VideoFrame) -> NDArray[np.uint8] | None:
        try:
            return upright(picture)
        except av.FFmpegError as error:
            self._pass_over(error)
            return None

    def _upright_ratio(self, picture: av.VideoFrame) -> Fraction:
        stored = self._stream.sample_aspect_ratio or Fraction(1)
        is_turned_by_a_quarter = round(picture.rotation / 90) % 2 == 1
        return 1 / stored if is_turned_by_a_quarter else stored

    def _pass_over(self, error: av.FFmpegError) -> None:
        if isinstance(error, MemoryError):
            raise error
        self._undecodable_n += 1

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Gives what can be read, then None, for which decoders give what they held back."""
        packets = self._container.demux(self._stream)
        try:
            for packet in packets:
                if packet.size:
                    yield packet
        except av.FFmpegError as error:
            self._unreadable = str(error.strerror)
        yield None

    def _declared_s(self) -> float | None:
        """Gives what the stream claims, or what the file does where that can only mean the stream."""
        stream, container = self._stream, self._container
        if container.format.flags & NO_TIME_STAMPS:
            return None  # guessed from the file's size
        if stream.duration is not None:
            return float(stream.duration * self.time_base)
        tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if tag is not None:
            claimed_s = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        elif container.duration is not None and len(container.streams) == 1:
            claimed_s = container.duration / av.time_base
        else:
            return None
        if "matroska" in container.format.name:
            # What FFmpeg writes there is when the stream ends. What others do may be less, never more.
            claimed_s -= float((stream.start_time or 0) * self.time_base)
        return claimed_s if claimed_s > 0 else None


def _ahead(pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Gives pictures, of which another thread decodes the next meanwhile."""
    with ThreadPoolExecutor(1, "decode") as decoding:
        coming = decoding.submit(next, pictures, None)
        while (picture := coming.result()) is not None:
            coming = decoding.submit(next, pictures, None)
            yield picture
