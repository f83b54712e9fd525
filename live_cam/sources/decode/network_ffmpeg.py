"""Streams that FFmpeg requests and demuxes itself: RTSP, MPEG-TS, HLS, recordings."""

from __future__ import annotations

import errno
import socket
import time
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.decode.challenges import UNSUPPORTED, unsupported_rtsp_log_in
from live_cam.sources.decode.demuxer import (
    DENIED,
    MAX_PIXELS,
    MEGAPIXELS,
    NO_RESPONSE,
    NO_VIDEO,
    NOT_FOUND,
    SILENCE_LIMIT_S,
    SILENT,
)
from live_cam.sources.decode.orientation import upright_pixel_ratio
from live_cam.sources.decode.reader import NO_TIMESTAMPS
from live_cam.sources.decode.video_stream import choose_video
from live_cam.sources.url import CameraUrl
from live_cam.timeline import Timeline

_OPEN_LIMIT_S = 6.0
_OPTIONS = {
    # TCP loses no packets and passes firewalls; FFmpeg falls back to UDP.
    "rtsp_flags": "prefer_tcp",
    "allowed_media_types": "video",
    # FFmpeg would watch a stream for seconds to estimate its rate. `fflags=nobuffer` is not set: it discards what was
    # read meanwhile, and with it the first key frame.
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    "max_pixels": str(MAX_PIXELS),
    # HLS segments may have any extension, or none: the list of protocols is what keeps them from other files.
    "allowed_extensions": "ALL",
    "allowed_segment_extensions": "ALL",
    "extension_picky": "0",
}
# A server's response may refer to other URLs; none of them may be a file of this machine, nor anything over UDP, which
# only RTSP needs.
_HTTP_PROTOCOLS = "http,https,httpproxy,tls,tcp,crypto,data"
_RTSP_PROTOCOLS = "rtsp,rtsps,tls,tcp,udp,rtp,srtp"
_DENIED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)
_PACED_FORMATS = {"hls", "dash"}  # live, but seconds of it arrive at once
_OPEN_ENDED_FORMATS = {"rtsp", "mpegts"}


class FFmpegDemuxer:
    """A connection of FFmpeg's; see `Demuxer`.

    Args:
        url: The stream's URL.

    Raises:
        AccessDeniedError: The camera refuses the user name or password.
        SourceError: The host does not respond, or sends no video. Connecting and probing the stream may take
            `_OPEN_LIMIT_S` each.
    """

    polled_fps: float | None = None

    def __init__(self, url: CameraUrl) -> None:
        failure: SourceError | None = None
        start_s = time.monotonic()
        protocols = _RTSP_PROTOCOLS if url.scheme.startswith("rtsp") else _HTTP_PROTOCOLS
        options = {**_OPTIONS, "protocol_whitelist": protocols}
        try:
            self._container = av.open(url.url, options=options, timeout=(_OPEN_LIMIT_S, SILENCE_LIMIT_S))
        except (av.FFmpegError, ValueError) as error:
            failure = _why_not_opened(error, url, time.monotonic() - start_s)
        # Outside the `except`: FFmpeg's error contains the URL with its password and must not become the context.
        if failure is not None:
            raise failure
        try:
            self._prepare()
        except BaseException:
            self._container.close()
            raise

    def _prepare(self) -> None:
        container = self._container
        stream = choose_video(container)
        if stream is None:
            raise SourceError(NO_VIDEO)
        codec = stream.codec_context
        if codec is None:
            raise SourceError("sends video in an unsupported codec; choose H.264 or MJPEG there")
        self.is_intra = codec.codec.intra_only
        if codec.width * codec.height > MAX_PIXELS:
            raise SourceError(f"sends frames of {codec.width}x{codec.height}, too large; choose a smaller size there")
        if self.is_intra and codec.width * codec.height == 0:  # FFmpeg's value for a size beyond the limit
            raise SourceError(f"sends frames of more than {MEGAPIXELS} megapixels; choose a smaller size there")
        # Frame threads would delay output by one frame each.
        codec.thread_type = "SLICE"
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        self.codec = codec
        self._stream = stream
        self._packets = container.demux(stream)
        format_ = container.format
        # Without timestamps, FFmpeg assumes 25 frames per second, at whatever rate they arrive.
        self._has_timestamps = not (format_.flags & NO_TIMESTAMPS or format_.name.endswith("pipe"))
        self.is_open_ended = format_.name in _OPEN_ENDED_FORMATS and not self.is_intra
        is_recording = container.duration is not None and format_.name != "rtsp"
        self.is_paced = is_recording or format_.name in _PACED_FORMATS
        self._timeline = Timeline([stream], format_.flags) if self.is_paced else None

    def next_packet(self) -> Packet[VideoStream]:
        """See `Demuxer`."""
        reason = "ended the stream"
        start_s = time.monotonic()
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as error:
            packet = None
            reason = _why_not_read(error)
        # When the limit interrupts FFmpeg, it returns the packet that it held back until the next one starts.
        if time.monotonic() - start_s >= SILENCE_LIMIT_S:
            reason = SILENT.format(SILENCE_LIMIT_S)
            packet = None
        if packet is None or packet.size == 0:
            raise SourceError(reason)
        if self._timeline is not None:
            self._timeline.shift(packet)
        return packet

    def stream_ns(self, pts: int | None) -> int | None:
        """See `Demuxer`."""
        if pts is None or not self._has_timestamps or self._stream.time_base is None:
            return None
        return int(pts * self._stream.time_base * 1_000_000_000)

    def pixel_ratio(self, frame: av.VideoFrame) -> Fraction:
        """See `Demuxer`."""
        return upright_pixel_ratio(self._stream, frame)

    def close(self) -> None:
        """See `Demuxer`."""
        self._packets = iter(())
        self._container.close()


def _why_not_opened(error: av.FFmpegError | ValueError, url: CameraUrl, after_s: float) -> SourceError:
    # When the limit interrupts an exchange, FFmpeg may report the part that arrived as invalid data.
    if after_s >= _OPEN_LIMIT_S or isinstance(error, av.TimeoutError):
        return SourceError(NO_RESPONSE.format(_OPEN_LIMIT_S))
    if isinstance(error, _DENIED):
        kind = unsupported_rtsp_log_in(url) if url.scheme.startswith("rtsp") else ""
        return AccessDeniedError(UNSUPPORTED.format(kind) if kind else DENIED.format(url.scheme))
    if isinstance(error, av.HTTPNotFoundError):
        return SourceError(NOT_FOUND)
    if isinstance(error, av.ConnectionRefusedError):
        return SourceError("refuses the connection; is the camera's stream switched on, and the port right?")
    if isinstance(error, av.InvalidDataError):
        return SourceError(NO_VIDEO)
    if not _is_resolvable(url):
        return SourceError("is an unknown host; check its spelling and the network connection")
    reason = getattr(error, "strerror", None) or "invalid"
    return SourceError(f"can't be opened ({reason}); check scheme, host and port")


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
