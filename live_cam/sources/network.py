"""A camera on the network, or whatever else FFmpeg can open there: RTSP, MJPEG over HTTP, MPEG-TS, recordings."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.sources.address import Address
from live_cam.sources.clip import MOST_PIXELS, NO_TIME_STAMPS
from live_cam.sources.source import Pacer, SourceKind
from live_cam.sources.stream_clock import StreamClock
from live_cam.sources.upright import upright

_OPEN_LIMIT_S = 6.0
_READ_LIMIT_S = 2.0
_UNDECODABLE_LIMIT_NS = 10_000_000_000  # longer than cameras usually take from one key frame to the next
_TOO_LATE_LIMIT_NS = 2_000_000_000
_TOO_LATE_NS = 1_000_000_000
_LAY_THERE_NS = 2_000_000
_CATCH_UP_NS = 200_000_000
_USUAL_INTERVAL_NS = 40_000_000

_OPTIONS = {
    # Over TCP no packet is lost and firewalls let it pass; UDP is what FFmpeg falls back on.
    "rtsp_flags": "prefer_tcp",
    "allowed_media_types": "video",
    # FFmpeg would watch a stream for seconds to learn its rate. `fflags=nobuffer` is left out: it throws away what was
    # read meanwhile, and with it the first key frame.
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
    # What a server answers may refer to further addresses; none of them may be a file of this machine.
    "protocol_whitelist": "http,https,httpproxy,tls,tcp,udp,rtp,srtp,rtsp,rtsps,crypto,data",
}
_PACED_FORMATS = {"hls", "dash"}  # live, yet seconds of it come at once
_OPEN_ENDED_FORMATS = {"rtsp", "mpegts"}  # a picture is known to be whole when the next one begins


class NetworkSource:
    """The video of an rtsp://, rtsps://, http:// or https:// address, which may hold a user name and a password.

    Raises:
        UsageError: The address is none that can be opened.
    """

    kind: SourceKind = "network"

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url)
        self.name = self._address.name

    def open(self) -> NetworkStream:
        """Connects, within `_OPEN_LIMIT_S` each for the greeting and for learning what the stream holds.

        Raises:
            SourceError: Nobody answers there, access is denied, or what comes is no video.
        """
        told = None
        begun_s = time.monotonic()
        try:
            container = av.open(self._address.url, options=_OPTIONS, timeout=(_OPEN_LIMIT_S, _READ_LIMIT_S))
        except (av.FFmpegError, ValueError) as error:
            told = _why_not_opened(error, self._address, time.monotonic() - begun_s)
        # Outside of the `except`: FFmpeg's error holds the address with its password, and must not be our context.
        if told is not None:
            raise SourceError(told)
        try:
            return NetworkStream(container, self.name)
        except BaseException:
            container.close()
            raise


class NetworkStream:
    """A connection, from the newest picture on."""

    frozen_after_s: float | None

    def __init__(self, container: InputContainer, name: str) -> None:
        if not container.streams.video:
            raise SourceError(f"{name} answers, but not with video; give the address of the stream itself")
        stream = container.streams.video[0]
        codec = stream.codec_context
        if codec is None:
            raise SourceError(f"{name} sends video in a codec that can't be decoded here; choose H.264 or MJPEG there")
        if codec.width * codec.height > MOST_PIXELS:
            raise SourceError(
                f"{name} sends pictures of {codec.width}x{codec.height}, too large; choose a smaller size there"
            )
        # Frame threads would hold back one picture each.
        codec.thread_type = "SLICE"
        codec.options = {"max_pixels": str(MOST_PIXELS)}
        self._name = name
        self._container = container
        self._codec = codec
        self._stream = stream
        self._packets = container.demux(stream)
        self._seq = 0
        self._is_intra = codec.codec.intra_only
        self._had_key_frame = self._is_intra
        self.frozen_after_s = 1.5 if self._is_intra else 10.0
        format_ = container.format
        # Without these, FFmpeg makes time stamps up: 25 pictures a second, however fast they come.
        self._has_times = not format_.flags & NO_TIME_STAMPS
        self._is_open_ended = format_.name in _OPEN_ENDED_FORMATS and not self._is_intra
        self._clock = StreamClock()
        self._came_ns = time.monotonic_ns()
        is_recording = container.duration is not None and format_.name != "rtsp"
        self._recorded = self._recording() if is_recording or format_.name in _PACED_FORMATS else None

    def read(self) -> Frame:
        """Waits for the next frame and gives it; older ones that lie there already are left out.

        Raises:
            SourceError: The stream ended, nothing came for `_READ_LIMIT_S`, or nothing of use came.
        """
        picture, pts_ns = next(self._recorded) if self._recorded is not None else self._newest()
        frame = Frame(upright(picture), pts_ns, self._seq, self._name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Ends the connection."""
        self._recorded = None
        self._packets = iter(())
        self._container.close()

    def _newest(self) -> tuple[av.VideoFrame, int]:
        """Gives the first picture that had to be waited for, with its time of capture."""
        begun_ns = time.monotonic_ns()
        late_since_ns: int | None = None
        while True:
            idle_before_ns = _idle_ns()
            packet = self._next_packet()
            waited_ns = _idle_ns() - idle_before_ns
            now_ns = time.monotonic_ns()
            # The bound is for senders faster than we are, of whose packets none is ever waited for.
            lay_there = waited_ns < _LAY_THERE_NS and now_ns - begun_ns < _CATCH_UP_NS
            self._take_note(packet, now_ns)
            if lay_there and self._is_intra and self._seq > 0:
                continue
            picture = self._decoded(packet)
            if picture is not None and not (lay_there and not self._is_intra):
                pts_ns = self._clock.captured_ns(self._stream_ns(picture.pts), now_ns)
                if now_ns - pts_ns < _TOO_LATE_NS:
                    return picture, pts_ns
                late_since_ns = late_since_ns or now_ns
            if late_since_ns is not None and now_ns - late_since_ns > _TOO_LATE_LIMIT_NS:
                raise SourceError(f"{self._name} lags behind; choose a smaller picture size or a lower rate there")
            if now_ns - begun_ns > _UNDECODABLE_LIMIT_NS:
                raise SourceError(f"{self._name} sends no picture that can be decoded; choose H.264 or MJPEG there")

    def _take_note(self, packet: Packet[VideoStream], now_ns: int) -> None:
        stream_ns = self._stream_ns(packet.pts)
        if stream_ns is not None:
            # Where a picture is whole only when the next begins, this one had begun when the last was whole.
            self._clock.arrived(stream_ns, self._came_ns if self._is_open_ended else now_ns)
        self._came_ns = now_ns

    def _stream_ns(self, pts: int | None) -> int | None:
        if pts is None or not self._has_times or self._stream.time_base is None:
            return None
        return int(pts * self._stream.time_base * 1_000_000_000)

    def _recording(self) -> Iterator[tuple[av.VideoFrame, int]]:
        """Gives the pictures of a recording when they are due."""
        pacer = Pacer()
        first_s: float | None = None
        position_ns = 0
        while True:
            picture = self._decoded(self._next_packet())
            if picture is None:
                continue
            if picture.time is None:
                position_ns += _USUAL_INTERVAL_NS
            else:
                first_s = picture.time if first_s is None else first_s
                position_ns = int((picture.time - first_s) * 1e9)
            yield picture, pacer.wait(position_ns)

    def _next_packet(self) -> Packet[VideoStream]:
        told = f"{self._name} ended the stream"
        begun_s = time.monotonic()
        try:
            packet = next(self._packets, None)
        except av.FFmpegError as error:
            packet = None
            told = _why_not_read(error, self._name)
        # What FFmpeg held back until the next picture began, it gives away when the limit cuts its waiting short.
        if time.monotonic() - begun_s >= _READ_LIMIT_S:
            told = f"{self._name} has sent nothing for {_READ_LIMIT_S:.0f} s; is the camera on, and in this network?"
            packet = None
        if packet is None or packet.size == 0:
            raise SourceError(told)
        return packet

    def _decoded(self, packet: Packet[VideoStream]) -> av.VideoFrame | None:
        """Gives the newest whole picture that a packet completes; damaged ones are left out."""
        self._had_key_frame |= packet.is_keyframe
        if packet.is_corrupt or not self._had_key_frame:
            return None
        try:
            pictures = self._codec.decode(packet)
        except av.FFmpegError:
            return None
        return next((picture for picture in reversed(pictures) if not picture.is_corrupt), None)


def _idle_ns() -> int:
    """Gives for how long this thread did not compute, from some start on; copying a large packet is no waiting."""
    return time.monotonic_ns() - time.thread_time_ns()


def _why_not_opened(error: av.FFmpegError | ValueError, address: Address, after_s: float) -> str:
    name = address.name
    # Where the limit cuts an exchange short, FFmpeg may take what came so far for invalid.
    if after_s >= _OPEN_LIMIT_S or isinstance(error, av.TimeoutError):
        return f"{name} does not answer within {_OPEN_LIMIT_S:.0f} s; is the camera on, and in this network?"
    scheme = name.partition("://")[0]
    if isinstance(error, (av.HTTPUnauthorizedError, av.HTTPForbiddenError)):
        return f"{name} denies access; check user name and password ({scheme}://user:password@host/...)"
    if isinstance(error, av.HTTPNotFoundError):
        return f"{name} has nothing under this path; look up the stream's address in the camera's manual"
    if isinstance(error, av.ConnectionRefusedError):
        return f"{name} refuses the connection; is the camera's stream switched on, and the port right?"
    if isinstance(error, av.InvalidDataError):
        return f"{name} answers, but not with video; give the address of the stream itself"
    if not _is_known(address):
        return f"{name} is not known here; check how the host is written, and the network connection"
    return f"{name} can't be opened ({getattr(error, 'strerror', None) or 'invalid'}); check scheme, host and port"


def _why_not_read(error: av.FFmpegError, name: str) -> str:
    if error.errno == errno.EIO:  # how an HTTP connection ends, in the midst of a picture or between two
        return f"{name} ended the stream"
    return f"{name} broke off ({error.strerror}); is the camera on, and in this network?"


def _is_known(address: Address) -> bool:
    """Tells an unknown host from other failures, for which FFmpeg has one error only."""
    try:
        socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return True
