"""Network cameras, and whatever else FFmpeg opens from a URL, decoded in a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
import weakref
from contextlib import suppress
from typing import Any

from live_cam.errors import SourceError
from live_cam.sources.base import SourceKind
from live_cam.sources.decode.decoder_process import DecoderProcess
from live_cam.sources.decode.messages import CLOSE, READ
from live_cam.sources.url import CameraUrl
from live_cam.types import Frame

_log = logging.getLogger(__name__)

DEFAULT_POLL_FPS = 2.0
"""How often an address that responds with one picture is requested."""

_SILENCE_LIMIT_S = 80.0  # above all limits within the process
_CLOSE_LIMIT_S = 0.3
_ADVICE = "choose H.264 or MJPEG, or a smaller size there"


class NetworkSource:
    """The video of an rtsp://, rtsps://, http:// or https:// URL, which may contain user name and password.

    Args:
        url: The URL.
        follow_redirects: Whether the camera may redirect to other hosts, and refer to segments there.
        poll_fps: How often it is requested, if it responds with one picture.

    Raises:
        UsageError: The URL is invalid.
    """

    kind: SourceKind = "network"

    def __init__(self, url: str, follow_redirects: bool = False, poll_fps: float = DEFAULT_POLL_FPS) -> None:
        parsed = CameraUrl.parse(url)
        self.name = parsed.name
        settings = {"url": parsed.url, "follow_redirects": follow_redirects, "poll_fps": poll_fps}
        self._decoders = _Decoders(self.name, settings)
        weakref.finalize(self, self._decoders.close)

    def open(self) -> NetworkStream:
        """Connects and probes the stream.

        Raises:
            SourceError: The host does not respond, denies access, sends no video, or redirects to another host.
        """
        return NetworkStream(self._decoders)

    def interrupt(self) -> None:
        """Closes the connections at once, whoever waits for them."""
        self._decoders.interrupt()


class NetworkStream:
    """A connection, from its newest frame on."""

    frozen_after_s: float | None

    def __init__(self, decoders: _Decoders) -> None:
        self._decoders = decoders
        self._decoder: DecoderProcess | None = decoders.take()
        self.frozen_after_s = self._request(self._decoder)["frozen_after_s"]

    def read(self) -> Frame:
        """Waits for the next frame and returns it; older ones that are buffered are dropped.

        Raises:
            SourceError: The stream ended, nothing usable arrived, or the decoder crashed.
        """
        if self._decoder is None:
            raise SourceError(f"{self._decoders.name} is closed; open it again")
        header = self._request(self._decoder)
        if header["polled_fps"] and not self._decoders.is_polling_logged:
            self._decoders.is_polling_logged = True
            _log.warning(
                "%s responds with one picture, and is requested %g times a second; --rate changes that",
                self._decoders.name,
                header["polled_fps"],
            )
        return Frame(self._decoder.read_pixels(header, _SILENCE_LIMIT_S), header["pts_ns"])

    def close(self) -> None:
        """Closes the connection."""
        decoder, self._decoder = self._decoder, None
        if decoder is not None and not decoder.has_ended:
            decoder.write(CLOSE)
            decoder.end(_CLOSE_LIMIT_S)
            self._decoders.forget(decoder)

    def _request(self, decoder: DecoderProcess) -> dict[str, Any]:
        """Has the decoder connect or read, and returns the header of its response."""
        decoder.write(READ)
        try:
            return decoder.read_header(_SILENCE_LIMIT_S)
        except SourceError:
            self._decoder = None
            self._decoders.give_back(decoder)
            raise


class _Decoders:
    """Starts decoder processes, and keeps one that has lost its camera: the next attempt need not start another."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        self.name = name
        self.is_polling_logged = False
        self._settings = settings
        self._lock = threading.RLock()
        self._idle: DecoderProcess | None = None
        self._in_use: set[DecoderProcess] = set()
        self._num_interrupts = 0
        self._is_closed = False

    def take(self) -> DecoderProcess:
        """Returns a decoder process without a connection.

        Raises:
            SourceError: The system can't start a process.
        """
        with self._lock:
            decoder, self._idle = self._idle, None
            num_interrupts = self._num_interrupts
        if decoder is not None and decoder.child.poll() is not None:
            decoder.end()
            decoder = None
        if decoder is None:
            decoder = DecoderProcess("live_cam.sources.decode.network_process", [], self.name, _ADVICE)
            # Not on the command line, which other users can see.
            decoder.write(json.dumps(self._settings).encode() + b"\n")
        with self._lock:
            self._in_use.add(decoder)
            if num_interrupts != self._num_interrupts:
                decoder.kill()
        return decoder

    def give_back(self, decoder: DecoderProcess) -> None:
        """Keeps or ends a decoder process whose connection has ended by an error."""
        self.forget(decoder)
        if decoder.has_ended:
            return
        with self._lock:
            if self._idle is None and not self._is_closed:
                self._idle = decoder
                return
        decoder.end()

    def forget(self, decoder: DecoderProcess) -> None:
        """Notes that a decoder process has no connection any more."""
        with self._lock:
            self._in_use.discard(decoder)

    def interrupt(self) -> None:
        """Ends the processes with a connection, and those that are about to open one."""
        with self._lock:
            self._num_interrupts += 1
            for decoder in self._in_use:
                decoder.kill()
            for decoder in self._in_use:
                with suppress(subprocess.TimeoutExpired):
                    decoder.child.wait(_CLOSE_LIMIT_S)

    def close(self) -> None:
        """Ends the process that is kept, and those given back from now on."""
        with self._lock:
            self._is_closed = True
            decoder, self._idle = self._idle, None
        if decoder is not None:
            decoder.end()
