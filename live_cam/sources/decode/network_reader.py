"""Reading of network cameras, from their newest frame on; runs in a process of its own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.sources.base import Pacer
from live_cam.sources.decode.connection_guard import ConnectionGuard
from live_cam.sources.decode.demuxer import MEGAPIXELS, Demuxer
from live_cam.sources.decode.network_ffmpeg import FFmpegDemuxer
from live_cam.sources.decode.orientation import apply_display_matrix
from live_cam.sources.decode.pixels import square_pixels
from live_cam.sources.stream_clock import StreamClock
from live_cam.sources.url import HTTP_SCHEMES, CameraUrl

JPEG_MODULE = "live_cam.sources.decode.network_jpeg"
"""Imported for HTTP only, since httpx takes 0.3 s to import."""

_UNDECODABLE_LIMIT_NS = 10_000_000_000  # longer than the usual key frame interval of cameras
_LAG_LIMIT_NS = 2_000_000_000
_MAX_AGE_NS = 1_000_000_000
_BUFFERED_NS = 2_000_000  # a packet that took less waiting was there already
_CATCH_UP_NS = 200_000_000
_DEFAULT_INTERVAL_NS = 40_000_000


class NetworkReader:
    """A connection to a camera, from its newest frame on.

    Args:
        url: The stream's URL.
        on_packet: Called for each packet, before it may be decoded.
        guard: Judges the hosts that the camera refers to; None allows all.
        poll_fps: How often an address that responds with one picture is requested.

    Attributes:
        frozen_after_s: See `live_cam.sources.base.Stream`.
        polled_fps: See `Demuxer`.

    Raises:
        AccessDeniedError: The camera refuses the user name or password.
        SourceError: The host does not respond, or sends no video. All messages continue a sentence that starts with
            the camera's name.
    """

    frozen_after_s: float

    def __init__(
        self,
        url: CameraUrl,
        on_packet: Callable[[], None] = lambda: None,
        guard: ConnectionGuard | None = None,
        poll_fps: float = 2.0,
    ) -> None:
        self._demuxer = _connect(url, guard, poll_fps)
        self._on_packet = on_packet
        self._has_delivered = False
        self._had_key_frame = self._demuxer.is_intra
        self.frozen_after_s = 1.5 if self._demuxer.is_intra else 10.0
        self._clock = StreamClock()
        self._last_arrival_ns = time.monotonic_ns()
        self._paced = self._paced_frames() if self._demuxer.is_paced else None
        self._size_px = (0, 0)
        self._pixel_ratio = Fraction(1)

    @property
    def polled_fps(self) -> float | None:
        """See `Demuxer`."""
        return self._demuxer.polled_fps

    def read(self) -> tuple[NDArray[np.uint8], int]:
        """Waits for the next frame and returns it with its capture time; older ones that are buffered are dropped.

        Returns:
            uint8 (H, W, 3), RGB, and the time on the clock of `time.monotonic_ns`, which all processes share.

        Raises:
            SourceError: The stream ended, nothing arrived for `SILENCE_LIMIT_S`, or nothing usable arrived.
        """
        frame, pts_ns = next(self._paced) if self._paced is not None else self._newest()
        size_px = (frame.width, frame.height)
        if size_px != self._size_px:
            self._size_px, self._pixel_ratio = size_px, self._demuxer.pixel_ratio(frame)
        rgb = square_pixels(apply_display_matrix(frame), self._pixel_ratio)
        self._has_delivered = True
        return rgb, pts_ns

    def close(self) -> None:
        """Closes the connection."""
        self._paced = None
        self._demuxer.close()

    def _newest(self) -> tuple[av.VideoFrame, int]:
        """Returns the first frame that was not buffered, with its capture time."""
        is_intra = self._demuxer.is_intra
        start_ns = time.monotonic_ns()
        late_since_ns: int | None = None
        while True:
            idle_before_ns = _idle_ns()
            packet = self._next_packet()
            waited_ns = _idle_ns() - idle_before_ns
            now_ns = time.monotonic_ns()
            # The time limit is for senders that are faster than this reader, whose packets are always buffered.
            was_buffered = waited_ns < _BUFFERED_NS and now_ns - start_ns < _CATCH_UP_NS
            self._update_clock(packet, now_ns)
            if was_buffered and is_intra and self._has_delivered:
                continue
            frame = self._decode(packet)
            if frame is not None and not (was_buffered and not is_intra):
                pts_ns = self._clock.captured_ns(self._demuxer.stream_ns(frame.pts), now_ns)
                if now_ns - pts_ns < _MAX_AGE_NS:
                    return frame, pts_ns
                late_since_ns = late_since_ns or now_ns
            if late_since_ns is not None and now_ns - late_since_ns > _LAG_LIMIT_NS:
                raise SourceError("lags behind; choose a smaller frame size or a lower rate there")
            if now_ns - start_ns > _UNDECODABLE_LIMIT_NS:
                raise SourceError(
                    f"sends no frame that can be decoded; choose H.264 or MJPEG, of {MEGAPIXELS} megapixels at most"
                )

    def _update_clock(self, packet: Packet[VideoStream], now_ns: int) -> None:
        stream_ns = self._demuxer.stream_ns(packet.pts)
        if stream_ns is not None:
            # Where a frame is complete only when the next starts, this one started when the last was complete.
            self._clock.arrived(stream_ns, self._last_arrival_ns if self._demuxer.is_open_ended else now_ns)
        self._last_arrival_ns = now_ns

    def _paced_frames(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Yields the frames of a recording when they are due."""
        pacer = Pacer()
        first_s: float | None = None
        position_ns = 0
        while True:
            frame = self._decode(self._next_packet())
            if frame is None:
                continue
            if frame.time is None:
                position_ns += _DEFAULT_INTERVAL_NS
            else:
                first_s = frame.time if first_s is None else first_s
                position_ns = int((frame.time - first_s) * 1e9)
            yield frame, pacer.wait(position_ns)

    def _next_packet(self) -> Packet[VideoStream]:
        packet = self._demuxer.next_packet()
        self._on_packet()
        return packet

    def _decode(self, packet: Packet[VideoStream]) -> av.VideoFrame | None:
        """Returns the newest intact frame that a packet completes."""
        self._had_key_frame |= packet.is_keyframe
        if packet.is_corrupt or not self._had_key_frame:
            return None
        try:
            frames = self._demuxer.codec.decode(packet)
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            return None
        return next((frame for frame in reversed(frames) if not frame.is_corrupt), None)


def _connect(url: CameraUrl, guard: ConnectionGuard | None, poll_fps: float) -> Demuxer:
    """Opens the connection, for JPEGs over HTTP without FFmpeg: its demuxer rejects much that browsers show."""
    if url.scheme in HTTP_SCHEMES:
        connect_jpeg = importlib.import_module(JPEG_MODULE).connect_jpeg
        jpegs: Demuxer | None = connect_jpeg(url, guard, poll_fps)
        if jpegs is not None:
            return jpegs
    demuxer = FFmpegDemuxer(url)
    if guard is not None:
        guard.require_attempts()
    return demuxer


def _idle_ns() -> int:
    """Returns the time that this thread was not running, since some start; copying a large packet is no waiting."""
    return time.monotonic_ns() - time.thread_time_ns()
