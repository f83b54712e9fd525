"""A decoder process, as its parent sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import describe_exit, enlarge_pipe, exceeded_cpu, start_child, wait_readable
from live_cam.errors import AccessDeniedError, SourceError

_EXIT_LIMIT_S = 5.0


class DecoderProcess:
    """A process that decodes, and its messages; see `messages.py`. One thread reads, any thread may kill it.

    Args:
        module: Its module.
        arguments: Its command line, which other users of this machine can see.
        name: Display name of what it decodes; every error message starts with it.
        advice: What to do about input that crashes it, or that it is too slow for.

    Attributes:
        child: The process.

    Raises:
        SourceError: The system can't start a process.
    """

    def __init__(self, module: str, arguments: Sequence[str], name: str, advice: str) -> None:
        self._name = name
        self._advice = advice
        try:
            self.child = start_child(module, arguments)
        except OSError as error:
            raise SourceError(
                f"{name} can't be decoded, since no process can be started ({error.strerror}); close other programs"
            ) from error
        # The child exits when this end of its standard input is closed.
        self._stdin = cast("FileIO", self.child.stdin)
        self._messages = cast("FileIO", self.child.stdout)
        enlarge_pipe(self._messages.fileno())

    @property
    def has_ended(self) -> bool:
        """Whether the process crashed, hung, sent a final error, or was ended."""
        return self._messages.closed

    def write(self, data: bytes) -> None:
        """Writes a few bytes to the process, whose end is noticed when its response is read."""
        with suppress(BrokenPipeError):
            self._stdin.write(data)

    def read_header(self, limit_s: float) -> dict[str, Any]:
        """Returns the header of the next message.

        Args:
            limit_s: How long the process may write nothing.

        Raises:
            AccessDeniedError: It says that the camera denied access.
            SourceError: It contains another error, or the process crashed or hangs.
        """
        length = bytearray(4)
        self._fill(memoryview(length), limit_s)
        text = bytearray(int.from_bytes(length, "big"))
        self._fill(memoryview(text), limit_s)
        header: dict[str, Any] = json.loads(text)
        if "error" in header:
            if header.get("final"):
                self.end()
            kind = AccessDeniedError if header.get("denied") else SourceError
            raise kind(f"{self._name} {header['error']}")
        return header

    def read_pixels(self, header: dict[str, Any], limit_s: float) -> NDArray[np.uint8]:
        """Returns the pixels that follow the header of a frame: uint8 (H, W, 3), RGB.

        Raises:
            SourceError: The process crashed or hangs.
        """
        rgb = np.empty((header["height_px"], header["width_px"], 3), np.uint8)
        self._fill(rgb.data.cast("B"), limit_s)
        return rgb

    def kill(self) -> None:
        """Kills the process, which wakes a thread that waits for its messages."""
        self.child.kill()

    def end(self, patience_s: float = 0.0) -> None:
        """Ends the process, by force unless it ends by itself within `patience_s`."""
        if patience_s:
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(patience_s)
        self.child.kill()
        self._stdin.close()
        self._messages.close()
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(_EXIT_LIMIT_S)

    def _fill(self, buffer: memoryview, limit_s: float) -> None:
        """Reads until the buffer is full.

        Raises:
            SourceError: The process crashed or hangs.
        """
        descriptor = self._messages.fileno()
        while buffer:
            if not wait_readable(descriptor, limit_s):
                self.end()
                raise SourceError(f"{self._name} delivered no frame for {limit_s:.0f} s; {self._advice}")
            count = self._messages.readinto(buffer)
            if not count:
                reason = self._why_ended()
                self.end()
                raise SourceError(f"{self._name} {reason}")
            buffer = buffer[count:]

    def _why_ended(self) -> str:
        try:
            status = self.child.wait(_EXIT_LIMIT_S)
        except subprocess.TimeoutExpired:
            status = 0
        if exceeded_cpu(status):
            return f"takes too long to decode; {self._advice}"
        return f"crashed its decoder ({describe_exit(status)}); {self._advice}"
