"""Reading of network streams: RTSP, MJPEG over HTTP, MPEG-TS, HLS, recordings; runs in a process of its own."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.base import Pacer
from live_cam.sources.decode.orientation import apply_display_matrix, upright_pixel_ratio
from live_cam.sources.decode.pixels import square_pixels
from live_cam.sources.decode.reader import NO_TIMESTAMPS
from live_cam.sources.decode.video_stream import choose_video
from live_cam.sources.stream_clock import StreamClock
from live_cam.sources.url import CameraUrl

MAX_PIXELS = 4096 * 4096
"""Above all usual cameras, 4K and 12 megapixels included; drawing larger frames would slow all other sources down."""

_OPEN_LIMIT_S = 6.0
_READ_LIMIT_S = 2.0
_UNDECODABLE_LIMIT_NS = 10_000_000_000  # longer than the usual key frame interval of cameras
_LAG_LIMIT_NS = 2_000_000_000
_MAX_AGE_NS = 1_000_000_000
_BUFFERED_NS = 2_000_000  # a packet that took less waiting was there already
_CATCH_UP_NS = 200_000_000
_DEFAULT_INTERVAL_NS = 40_000_000

_MEGAPIXELS = MAX_PIXELS // 1_000_000
_OPTIONS = {
    # TCP loses no packets and passes firewalls; FFmpeg falls back to UDP.
    "rtsp_flags": "prefer_tcp",
    "allowed_media_types": "video",
    # FFmpeg would watch a stream for seconds to estimate its rate. `fflags=nobuffer` is not set: it discards what was
    # read meanwhile, and with it the first key frame.
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    "max_pixels": str(MAX_PIXELS),
}
# A server's response may refer to other URLs; none of them may be a file of this machine, nor anything over UDP, which
# only RTSP needs.
_HTTP_PROTOCOLS = "http,https,httpproxy,tls,tcp,crypto,data"
_RTSP_PROTOCOLS = "rtsp,rtsps,tls,tcp,udp,rtp,srtp"
_DENIED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)
_PACED_FORMATS = {"hls", "dash"}  # live, but seconds of it arrive at once
_OPEN_ENDED_FORMATS = {"rtsp", "mpegts"}  # a frame is known to be complete when the next one starts


class NetworkReader:
    """A connection to a camera, from its newest frame on.

    Args:
        url: The stream's URL.
        on_packet: Called for each packet, before it may be decoded.

    Attributes:
        frozen_after_s: See `live_cam.sources.base.Stream`.

    Raises:
        AccessDeniedError: The camera refuses the user name or password.
        SourceError: The host does not respond, or sends no video. Connecting and probing the stream may take
            `_OPEN_LIMIT_S` each. All messages continue a sentence that starts with the camera's name.
    """

    frozen_after_s: float

    def __init__(self, url: CameraUrl, on_packet: Callable[[], None] = lambda: None) -> None:
        failure: SourceError | None = None
        start_s = time.monotonic()
        protocols = _RTSP_PROTOCOLS if url.scheme.startswith("rtsp") else _HTTP_PROTOCOLS
        options = {**_OPTIONS, "protocol_whitelist": protocols}
        try:
            self._container = av.open(url.url, options=options, timeout=(_OPEN_LIMIT_S, _READ_LIMIT_S))
        except (av.FFmpegError, ValueError) as error:
            kind = AccessDeniedError if isinstance(error, _DENIED) else SourceError
            failure = kind(_why_not_opened(error, url, time.monotonic() - start_s))
        # Outside the `except`: FFmpeg's error contains the URL with its password and must not become the context.
        if failure is not None:
            raise failure
        try:
            self._prepare(on_packet)
        except BaseException:
            self._container.close()
            raise

    def _prepare(self, on_packet: Callable[[], None]) -> None:
        container = self._container
        stream = choose_video(container)
        if stream is None:
            raise SourceError("responds, but not with video; give the URL of the stream itself")
        codec = stream.codec_context
        if codec is None:
            raise SourceError("sends video in an unsupported codec; choose H.264 or MJPEG there")
        self._is_intra = codec.codec.intra_only
        if codec.width * codec.height > MAX_PIXELS:
            raise SourceError(f"sends frames of {codec.width}x{codec.height}, too large; choose a smaller size there")
        if self._is_intra and codec.width * codec.height == 0:  # FFmpeg's value for a size beyond the limit
            raise SourceError(f"sends frames of more than {_MEGAPIXELS} megapixels; choose a smaller size there")
        # Frame threads would delay output by one frame each.
        codec.thread_type = "SLICE"
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        self._codec = codec
        self._stream = stream
        self._packets = container.demux(stream)
        self._on_packet = on_packet
        self._has_delivered = False
        self._had_key_frame = self._is_intra
        self.frozen_after_s = 1.5 if self._is_intra else 10.0
        format_ = container.format
        # Without timestamps, FFmpeg assumes 25 frames per second, at whatever rate they arrive.
        self._has_timestamps = not format_.flags & NO_TIMESTAMPS
        self._is_open_ended = format_.name in _OPEN_ENDED_FORMATS and not self._is_intra
        self._clock = StreamClock()
        self._last_arrival_ns = time.monotonic_ns()
        is_recording = container.duration is not None and format_.name != "rtsp"
        self._paced = self._paced_frames() if is_recording or format_.name in _PACED_FORMATS else None

    def read(self) -> tuple[NDArray[np.uint8], int]:
        """Waits for the next frame and returns it with its capture time; older ones that are buffered are dropped.

        Returns:
            uint8 (H, W, 3), RGB, and the time on the clock of `time.monotonic_ns`, which all processes share.

        Raises:
            SourceError: The stream ended, nothing arrived for `_READ_LIMIT_S`, or nothing usable arrived.
        """
        frame, pts_ns = next(self._paced) if self._paced is not None else self._newest()
        rgb = square_pixels(apply_display_matrix(frame), upright_pixel_ratio(self._stream, frame))
        self._has_delivered = True
        return rgb, pts_ns

    def close(self) -> None:
        """Closes the connection."""
        self._paced = None
        self._packets = iter(())
        self._container.close()

    def _newest(self) -> tuple[av.VideoFrame, int]:
        """Returns the first frame that was not buffered, with its capture time."""
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
            if was_buffered and self._is_intra and self._has_delivered:
                continue
            frame = self._decode(packet)
            if frame is not None and not (was_buffered and not self._is_intra):
                pts_ns = self._clock.captured_ns(self._stream_ns(frame.pts), now_ns)
                if now_ns - pts_ns < _MAX_AGE_NS:
                    return frame, pts_ns
                late_since_ns = late_since_ns or now_ns
            if late_since_ns is not None and now_ns - late_since_ns > _LAG_LIMIT_NS:
                raise SourceError("lags behind; choose a smaller frame size or a lower rate there")
            if now_ns - start_ns > _UNDECODABLE_LIMIT_NS:
                raise SourceError(
                    f"sends no frame that can be decoded; choose H.264 or MJPEG, of {_MEGAPIXELS} megapixels at most"
                )

    def _update_clock(self, packet: Packet[VideoStream], now_ns: int) -> None:
        stream_ns = self._stream_ns(packet.pts)
        if stream_ns is not None:
            # Where a frame is complete only when the next starts, this one started when the last was complete.
            self._clock.arrived(stream_ns, self._last_arrival_ns if self._is_open_ended else now_ns)
        self._last_arrival_ns = now_ns

    def _stream_ns(self, pts: int | None) -> int | None:
        if pts is None or not self._has_timestamps or self._stream.time_base is None:
            return None
        return int(pts * self._stream.time_base * 1_000_000_000)

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
        reason = "ended the stream"
        start_s = time.monotonic()
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as error:
            packet = None
            reason = _why_not_read(error)
        # When the limit interrupts FFmpeg, it returns the packet that it held back until the next one starts.
        if time.monotonic() - start_s >= _READ_LIMIT_S:
            reason = f"has sent nothing for {_READ_LIMIT_S:.0f} s; is the camera on, and in this network?"
            packet = None
        if packet is None or packet.size == 0:
            raise SourceError(reason)
        self._on_packet()
        return packet

    def _decode(self, packet: Packet[VideoStream]) -> av.VideoFrame | None:
        """Returns the newest intact frame that a packet completes."""
        self._had_key_frame |= packet.is_keyframe
        if packet.is_corrupt or not self._had_key_frame:
            return None
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            return None
        return next((frame for frame in reversed(frames) if not frame.is_corrupt), None)


def _idle_ns() -> int:
    """Returns the time that this thread was not running, since some start; copying a large packet is no waiting."""
    return time.monotonic_ns() - time.thread_time_ns()


def _why_not_opened(error: av.FFmpegError | ValueError, url: CameraUrl, after_s: float) -> str:
    # When the limit interrupts an exchange, FFmpeg may report the part that arrived as invalid data.
    if after_s >= _OPEN_LIMIT_S or isinstance(error, av.TimeoutError):
        return f"does not respond within {_OPEN_LIMIT_S:.0f} s; is the camera on, and in this network?"
    if isinstance(error, _DENIED):
        return f"denies access; check user name and password ({url.scheme}://user:password@host/...)"
    if isinstance(error, av.HTTPNotFoundError):
        return "has nothing under this path; look up the stream's URL in the camera's manual"
    if isinstance(error, av.ConnectionRefusedError):
        return "refuses the connection; is the camera's stream switched on, and the port right?"
    if isinstance(error, av.InvalidDataError):
        return "responds, but not with video; give the URL of the stream itself"
    if not _is_resolvable(url):
        return "is an unknown host; check its spelling and the network connection"
    return f"can't be opened ({getattr(error, 'strerror', None) or 'invalid'}); check scheme, host and port"


def _why_not_read(error: av.FFmpegError) -> str:
    if error.errno == errno.EIO:  # how an HTTP connection ends, within a frame or between two
        return "ended the stream"
    return f"broke off ({error.strerror}); is the camera on, and in this network?"


def _is_resolvable(url: CameraUrl) -> bool:
    """Distinguishes unknown hosts from other failures, for which FFmpeg has a single error."""
    try:
        socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return True
