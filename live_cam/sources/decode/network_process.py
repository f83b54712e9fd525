"""The decoder process of a network camera.

    python -m live_cam.sources.decode.network_process

The first line of its standard input is JSON: `url`, which the command line would show to other users, and
`follow_redirects`. Each byte that follows is a request. `READ` connects, if there is no connection, and is answered
with `frozen_after_s`; otherwise with the next frame. An `error` ends the connection, and if it is `final`, the process.
`CLOSE`, or the end of standard input, ends both.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
from contextlib import suppress
from io import FileIO

from live_cam.child_process import setup_child
from live_cam.errors import SourceError
from live_cam.sources.decode.connection_guard import ConnectionGuard
from live_cam.sources.decode.messages import MAX_MEMORY_BYTES, OUT_OF_MEMORY, READ, MessageWriter
from live_cam.sources.decode.network_reader import NetworkReader
from live_cam.sources.url import CameraUrl

_MAX_CPU_S = 1.0
"""For opening, and for each packet: a picture can be made to take minutes. Time in which other processes run is not
counted."""


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
    with suppress(BrokenPipeError):
        _serve(url, guard, requests, messages)
    os._exit(0)  # at once: the parent waits


def _serve(
    url: CameraUrl, guard: ConnectionGuard | None, requests: queue.SimpleQueue[bytes], messages: MessageWriter
) -> None:
    reader: NetworkReader | None = None
    while requests.get() == READ:
        try:
            if reader is None:
                _limit_cpu()
                reader = NetworkReader(url, on_packet=_limit_cpu)
                if guard is not None:
                    guard.require_attempts()
                messages.send({"frozen_after_s": reader.frozen_after_s})
            else:
                rgb, pts_ns = reader.read()
                messages.send_frame(rgb, {"pts_ns": pts_ns})
        except (SourceError, MemoryError) as error:
            if reader is not None:
                reader.close()
                reader = None
            is_source_error = isinstance(error, SourceError)
            messages.send({"error": str(error) if is_source_error else f"{OUT_OF_MEMORY}; choose a smaller size there"})
    if reader is not None:
        reader.close()


def _refuse(messages: MessageWriter, host: str) -> None:
    reason = (
        f"redirects to another host, {host}; give the URL of the stream itself, or allow it with --follow-redirects"
    )
    messages.send({"error": reason, "final": True})
    os._exit(1)


def _limit_cpu() -> None:
    """Ends this process by SIGPROF if it needs more CPU time until the next call, where the system has such a limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, _MAX_CPU_S)


if __name__ == "__main__":
    main()
