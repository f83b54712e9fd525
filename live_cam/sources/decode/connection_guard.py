"""Keeps a camera's connections to the camera's host."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable

import av.logging

from live_cam.errors import SourceError
from live_cam.sources.url import CameraUrl

_ATTEMPT = re.compile(r"Starting connection attempt to (\S+) port (\d+)")


class ConnectionGuard(logging.Handler):
    """Calls `refuse` before FFmpeg connects to another address than the camera's.

    HTTP and RTSP redirects and the segments of HLS and DASH are followed inside FFmpeg, which has no option against it.
    But it logs each address right before it connects to it, and PyAV passes the message on at once, in the same
    thread. FFmpeg goes on when `refuse` returns. Who follows redirects himself asks `require_camera` first.
    """

    def __init__(self, url: CameraUrl, refuse: Callable[[str], None]) -> None:
        """Watches all connections of FFmpeg in this process from now on.

        Args:
            url: The camera's.
            refuse: Ends this process; its argument is the other address, as `host:port`.
        """
        super().__init__()
        self._url = url
        self._refuse = refuse
        self._addresses: set[str] = set()
        self._num_attempts = 0
        logger = logging.getLogger("libav")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)
        av.logging.set_skip_repeated(False)
        av.logging.set_level(av.logging.VERBOSE)

    def emit(self, record: logging.LogRecord) -> None:
        """Judges a message of FFmpeg."""
        attempt = _ATTEMPT.match(record.getMessage())
        if attempt is None:
            return
        self._num_attempts += 1
        self.require_camera(attempt[1], int(attempt[2]))

    def require_camera(self, host: str, port: int) -> None:
        """Calls `refuse` for another host than the camera's; its name counts, or one of its addresses."""
        if port != self._url.port or not (host == self._url.host or self._is_camera(host)):
            self._refuse(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def require_attempts(self) -> None:
        """Raises SourceError if FFmpeg has logged no connection: a version that words it differently is not guarded."""
        if self._num_attempts == 0:
            raise SourceError(
                "can't be kept from redirecting with this version of FFmpeg; allow it with --follow-redirects"
            )

    def _is_camera(self, address: str) -> bool:
        # Looked up again when it differs: a host may have many addresses, of which a lookup returns some.
        address = address.partition("%")[0]  # the zone, which the lookup omits
        if address not in self._addresses:
            found = socket.getaddrinfo(self._url.host, self._url.port, type=socket.SOCK_STREAM)
            self._addresses.update(str(sockaddr[0]) for *_, sockaddr in found)
        return address in self._addresses
