"""The decoder process of a network camera.

    python -m live_cam.sources.decode.network_process

The first line of its standard input is JSON: `url`, which the command line would show to other users,
`follow_redirects` and `poll_fps`. Each byte that follows is a request. `READ` connects, if there is no connection, and
is answered with `frozen_after_s`; otherwise with the newest frame that was not sent yet. An `error` ends the
connection, and if it is `final`, the process. `CLOSE`, or the end of standard input, ends both.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import limit_cpu, setup_child
from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.decode.connection_guard import ConnectionGuard
from live_cam.sources.decode.messages import MAX_MEMORY_BYTES, OUT_OF_MEMORY, READ, MessageWriter
from live_cam.sources.decode.network_reader import JPEG_MODULE, NetworkReader
from live_cam.sources.url import HTTP_SCHEMES, CameraUrl

_MAX_CPU_S = 1.0
"""For opening, and for each packet: a picture can be made to take minutes. Time in which other processes run is not
counted."""
_STOP_LIMIT_S = 0.2


def main() -> None:
    """Serves the requests."""
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    line = FileIO(sys.stdin.fileno(), closefd=False).readline()  # unbuffered: requests follow
    setup_child(MAX_MEMORY_BYTES, requests.put)
    messages = MessageWriter()
    if not line:
        return
    settings = json.loads(line)
    url = CameraUrl.parse(settings["url"])
    guard = None if settings["follow_redirects"] else ConnectionGuard(url, lambda host: _refuse(messages, host))
    if url.scheme in HTTP_SCHEMES:
        importlib.import_module(JPEG_MODULE)  # not within the limited time
    connect = partial(NetworkReader, url, partial(limit_cpu, _MAX_CPU_S), guard, settings["poll_fps"])
    with suppress(BrokenPipeError):
        _serve(connect, requests, messages)
    os._exit(0)  # at once: the parent waits


def _serve(connect: Callable[[], NetworkReader], requests: queue.SimpleQueue[bytes], messages: MessageWriter) -> None:
    camera: _ReaderThread | None = None
    while requests.get() == READ:
        try:
            if camera is None:
                limit_cpu(_MAX_CPU_S)
                reader = connect()
                camera = _ReaderThread(reader)
                camera.start()
                messages.send({"frozen_after_s": reader.frozen_after_s})
            else:
                rgb, pts_ns = camera.newest()
                messages.send_frame(rgb, {"pts_ns": pts_ns, "polled_fps": camera.polled_fps})
        except (SourceError, MemoryError) as error:
            if camera is not None:
                camera.close()
                camera = None
            is_source_error = isinstance(error, SourceError)
            reason = str(error) if is_source_error else f"{OUT_OF_MEMORY}; choose a smaller size there"
            messages.send({"error": reason, "denied": isinstance(error, AccessDeniedError)})
    if camera is not None:
        camera.close()


class _ReaderThread(threading.Thread):
    """Reads a camera all the time, so that its frames do not wait for requests, and keeps the newest."""

    def __init__(self, reader: NetworkReader) -> None:
        super().__init__(name="reader", daemon=True)
        self._reader = reader
        self._changed = threading.Condition()
        self._frame: tuple[NDArray[np.uint8], int] | None = None
        self._error: Exception | None = None
        self._stop_requested = False

    @property
    def polled_fps(self) -> float | None:
        """See `Demuxer`."""
        return self._reader.polled_fps

    def run(self) -> None:
        """Reads until stopped, or until the connection ends."""
        try:
            while not self._stop_requested:
                frame = self._reader.read()
                with self._changed:
                    self._frame = frame
                    self._changed.notify()
        except Exception as error:
            with self._changed:
                self._error = error
                self._changed.notify()

    def newest(self) -> tuple[NDArray[np.uint8], int]:
        """Waits for a frame that was not returned yet, or raises what ended the connection."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._error is not None)
            frame, self._frame = self._frame, None
            if frame is None:
                assert self._error is not None
                raise self._error
            return frame

    def close(self) -> None:
        """Closes the connection, unless the camera is silent: the end of this process will."""
        self._stop_requested = True
        if self.ident is not None:
            self.join(_STOP_LIMIT_S)
        if not self.is_alive():
            self._reader.close()


def _refuse(messages: MessageWriter, host: str) -> None:
    reason = (
        f"redirects to another host, {host}; give the URL of the stream itself, or allow it with --follow-redirects"
    )
    messages.send({"error": reason, "final": True})
    os._exit(1)


if __name__ == "__main__":
    main()
