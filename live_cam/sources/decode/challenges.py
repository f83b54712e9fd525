"""What a camera that refuses access asks for: kinds of log-in, as its `WWW-Authenticate` headers name them."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from live_cam.sources.url import CameraUrl

UNSUPPORTED = "wants a kind of log-in that is not supported ({}); choose Digest with MD5 there"

_KIND = re.compile(r"([A-Za-z][\w-]{0,30})(?:\s|$)")
_ALGORITHM = re.compile(r'algorithm="?([\w-]{1,30})', re.IGNORECASE)
_FFMPEG_ALGORITHMS = ("MD5", "MD5-sess")
_HEADER = re.compile(rb"^WWW-Authenticate:[ \t]*(.*?)\r?$", re.IGNORECASE | re.MULTILINE)
_MAX_HEAD_BYTES = 16 << 10
_LIMIT_S = 3.0


def kinds_of(challenges: Iterable[str]) -> list[str]:
    """Returns the kinds of log-in in lower case, such as `basic`."""
    return [match[1].lower() for challenge in challenges if (match := _KIND.match(challenge))]


def name_digest(challenges: Iterable[str]) -> str:
    """Returns the name of a Digest log-in for people, such as `Digest with SHA-256`."""
    algorithm = _ALGORITHM.search(" ".join(challenges))
    return f"Digest with {algorithm[1]}" if algorithm else "Digest"


def unsupported_rtsp_log_in(url: CameraUrl) -> str:
    """Asks an RTSP camera, without logging in, which kind of log-in it wants.

    Returns:
        The kind if FFmpeg lacks it; empty if not, or if the camera does not tell.
    """
    try:
        challenges = _rtsp_challenges(url)
    except OSError:
        return ""
    last = [challenge for challenge in challenges if kinds_of([challenge]) == ["digest"]][-1:]  # which FFmpeg takes
    if last:
        algorithm = _ALGORITHM.search(last[0])
        return "" if algorithm is None or algorithm[1] in _FFMPEG_ALGORITHMS else name_digest(last)
    kinds = kinds_of(challenges)
    return "" if not kinds or "basic" in kinds else kinds[0]


def _rtsp_challenges(url: CameraUrl) -> list[str]:
    parts = urlsplit(url.url)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    head = b""
    with socket.create_connection((url.host, url.port), _LIMIT_S) as plain:
        connection = _encrypted(plain) if url.scheme == "rtsps" else plain
        connection.sendall(f"DESCRIBE {address} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n".encode())
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD_BYTES and (data := connection.recv(4096)):
            head += data
    return [value.decode("latin-1") for value in _HEADER.findall(head.partition(b"\r\n\r\n")[0])]


def _encrypted(connection: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # cameras sign their own certificates
    return context.wrap_socket(connection)
