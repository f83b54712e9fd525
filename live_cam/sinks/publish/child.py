"""The process that publishes, as its parent sees it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import describe_exit, enlarge_pipe, start_child, wait_readable
from live_cam.errors import OutputError
from live_cam.sinks.publish.target import PublishTarget

_EXIT_LIMIT_S = 1.0
_MESSAGE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Reply:
    """What the process says with each frame that it asks for.

    Attributes:
        sent: Frames sent over the current connection.
        error: Why the last one could not be opened, or ended; "" if there is one. It continues a sentence that starts
            with the target's name.
        denied: Whether the server refused access.
    """

    sent: int
    error: str
    denied: bool


class PublishingProcess:
    """Takes frames one by one; see `process.py` for the messages. One thread uses it, any thread may kill it.

    Args:
        target: Where it publishes to.

    Raises:
        OutputError: The system can't start a process.
    """

    def __init__(self, target: PublishTarget) -> None:
        try:
            self._child = start_child("live_cam.sinks.publish.process", [])
        except OSError as error:
            raise OutputError(f"has no process ({error.strerror}); close other programs") from error
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._input, self._output = self._child.stdin.fileno(), self._child.stdout.fileno()
        enlarge_pipe(self._input)
        if os.name == "posix":
            os.set_blocking(self._input, False)
        self._received = b""
        self._write(json.dumps(target.as_json()).encode() + b"\n", _EXIT_LIMIT_S)

    def wait_until_ready(self, limit_s: float) -> Reply:
        """Waits until it asks for a frame.

        Raises:
            OutputError: It crashed, or asked for none within the limit; the message is like that of a reply.
        """
        deadline_s = time.monotonic() + limit_s
        while b"\n" not in self._received:
            if not wait_readable(self._output, max(0.0, deadline_s - time.monotonic())):
                raise OutputError(f"took nothing for {limit_s:g} s; is the network too slow?")
            data = os.read(self._output, _MESSAGE_BYTES)
            if not data:
                raise OutputError(f"lost its process ({self._exit_status()}); it is started again")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return Reply(**message)

    def send(self, rgb: NDArray[np.uint8], pts_ns: int, limit_s: float) -> None:
        """Hands over the frame that it asked for: uint8 (H, W, 3), RGB; why it fails, `wait_until_ready` says."""
        height_px, width_px = rgb.shape[:2]
        header = {"width_px": width_px, "height_px": height_px, "pts_ns": pts_ns}
        pixels = np.ascontiguousarray(rgb)
        if self._write(json.dumps(header).encode() + b"\n", limit_s):
            self._write(pixels.data.cast("B"), limit_s)

    def kill(self) -> None:
        """Ends it at once."""
        self._child.kill()

    def close(self, patience_s: float) -> None:
        """Lets it end the stream, and ends it by force after a while."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(patience_s)
        self._child.kill()
        self._child.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_EXIT_LIMIT_S)

    def _write(self, data: bytes | memoryview, limit_s: float) -> bool:
        """Writes data, unless the process has ended or reads nothing for too long; returns whether all is written."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                if not _wait_writable(self._input, limit_s):
                    return False
            except BrokenPipeError:
                return False
        return True

    def _exit_status(self) -> str:
        try:
            return describe_exit(self._child.wait(_EXIT_LIMIT_S))
        except subprocess.TimeoutExpired:
            return "no exit status"


def _wait_writable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(timeout_s * 1000))
