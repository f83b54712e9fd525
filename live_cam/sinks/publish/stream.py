"""Frames as live H.264 to a media server or an HLS playlist; runs in a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import av
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType
from numpy.typing import NDArray

from live_cam.errors import OutputError
from live_cam.sinks.codecs import ENCODER_THREADS
from live_cam.sinks.publish.hls import SEGMENT_S, init_name, remove_segments
from live_cam.sinks.publish.target import host_of
from live_cam.sinks.video_writer import describe_frames, even_size, video_frame

_TIME_BASE: Final = Fraction(1, 90_000)
_RATE_FPS = 30  # approximate, for the encoder's rate control
# Who joins waits for a key frame; HLS starts a segment with one.
_KEY_FRAME_EVERY_NS: Final = SEGMENT_S * 1_000_000_000
_MAX_BITS_PER_PIXEL = 4  # a second: 1.2 Mbit/s at 640x480, 8.3 at 1920x1080
_SEND_BUFFER_BYTES = 1 << 17
_OPTIONS: Final = {
    "preset": "superfast",
    "tune": "zerolatency",
    "profile": "baseline",  # what WebRTC requires of all
    "crf": "23",
    "g": "600",
    "forced-idr": "1",
    "threads": ENCODER_THREADS,
}
_DENIED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)
_CLOSED = (av.BrokenPipeError, av.ConnectionResetError, av.ConnectionAbortedError)


class DeniedError(OutputError):
    """The server refuses access; some lock everybody out who tries again soon."""


class LiveStream:
    """A connection to a server, or a playlist; frames of another size than the first are letterboxed.

    Args:
        url: What FFmpeg opens.
        muxer: FFmpeg's muxer.
        options: Its options.
        size_px: Width and height of the frames.

    Raises:
        DeniedError: The server refuses access.
        OutputError: It can't be opened for another reason. All messages continue a sentence that starts with the
            target's name, and none repeats the URL.
    """

    def __init__(self, url: str, muxer: str, options: dict[str, str], size_px: tuple[int, int]) -> None:
        self._size_px = even_size(size_px)
        self._host = host_of(url)
        self._start_ns: int | None = None
        self._key_frame_ns = 0
        self._last_pts = -1
        # Players take the end of a segment for the time of the next frame, so a segment needs the duration of its last.
        self._held: Packet[Any] | None = None
        self._holds = muxer == "hls"
        failure: OutputError | None = None
        try:
            with TemporaryDirectory(prefix="live_cam-") as folder:
                self._open(url, muxer, options | _own_options(url, muxer, Path(folder)))
        except (av.FFmpegError, ValueError, OSError) as error:
            failure = self._why(error)
        # Outside the `except`: FFmpeg's error contains the URL with its password and must not become the context.
        if failure is not None:
            raise failure
        _limit_send_buffers()

    def _open(self, url: str, muxer: str, options: dict[str, str]) -> None:
        self._container = av.open(url, "w", format=muxer, options={"flush_packets": "1", **options})
        max_rate = str(_MAX_BITS_PER_PIXEL * self._size_px[0] * self._size_px[1])
        encoder_options = {**_OPTIONS, "maxrate": max_rate, "bufsize": max_rate}
        self._stream = self._container.add_stream("libx264", _RATE_FPS, options=encoder_options)
        describe_frames(self._stream, self._size_px, _TIME_BASE)
        self._container.start_encoding()

    def write(self, rgb: NDArray[np.uint8], pts_ns: int) -> None:
        """Sends a frame, and waits while the server does not take it.

        Args:
            rgb: uint8 (H, W, 3), RGB.
            pts_ns: Capture time; the first is the zero of the stream's time.

        Raises:
            OutputError: The connection was closed, or the disk is full.
        """
        if self._start_ns is None:
            self._start_ns = pts_ns
        pts = round((pts_ns - self._start_ns) * _TIME_BASE.denominator / 1e9)
        self._last_pts = pts = max(pts, self._last_pts + 1)
        frame = video_frame(rgb, self._size_px, pts, _TIME_BASE)
        if pts == 0 or pts_ns - self._key_frame_ns >= _KEY_FRAME_EVERY_NS:
            self._key_frame_ns = pts_ns
            frame.pict_type = PictureType.I
        failure: OutputError | None = None
        try:
            self._mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            failure = self._why(error)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Ends the stream, and says so to the server."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._mux(self._stream.encode(None))
            if self._held is not None:
                self._container.mux(self._held)
            self._container.close()

    def _mux(self, packets: Sequence[Packet[Any]]) -> None:
        """Sends packets, those of segments when the next frame tells how long they last."""
        for packet in packets:
            if not self._holds:
                self._container.mux(packet)
                continue
            held, self._held = self._held, packet
            if held is not None and held.pts is not None and packet.pts is not None:
                held.duration = packet.pts - held.pts
                self._container.mux(held)

    def _why(self, error: Exception) -> OutputError:
        if isinstance(error, _DENIED):
            return DeniedError("refuses access; check user name and password, or token")
        reason = getattr(error, "strerror", None) or type(error).__name__
        if not self._host:
            return OutputError(f"can't be written ({reason}); make room, or publish to another folder")
        if isinstance(error, av.ConnectionRefusedError):
            return OutputError("refuses the connection; is the server running, and the port right?")
        if isinstance(error, av.TimeoutError):
            return OutputError("does not respond; is it running, and in this network?")
        if isinstance(error, _CLOSED):
            return OutputError("closed the connection; is the stream key right?")
        if not _is_resolvable(self._host):
            return OutputError("is an unknown host; check its spelling and the network connection")
        return OutputError(f"does not take the video ({reason}); check path and stream key")


def _own_options(url: str, muxer: str, folder: Path) -> dict[str, str]:
    """Returns options for which something has to be made first."""
    if muxer == "hls":
        playlist = Path(url)
        remove_segments(playlist)
        return {"hls_fmp4_init_filename": init_name(playlist)}
    return _certificate_options(folder) if muxer == "whip" else {}


def _certificate_options(folder: Path) -> dict[str, str]:
    """Returns options with a certificate for DTLS, which peers know by its fingerprint.

    FFmpeg makes one itself, but with GnuTLS on a curve that WebRTC does not require (RFC 8827, section 6.5), so that
    OpenSSL refuses it.
    """
    from live_cam.sinks.publish.certificate import write_certificate

    certificate, key = write_certificate(folder)
    return {"cert_file": str(certificate), "key_file": str(key)}


def _limit_send_buffers() -> None:
    """Has the system keep little of what the server does not take: what waits there grows old."""
    if os.name != "posix":
        return
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    copy.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def _is_resolvable(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True
