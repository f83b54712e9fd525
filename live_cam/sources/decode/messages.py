"""The messages between a decoder process and its parent, and the limit of its memory.

One to the parent is the length of a header (four bytes, big-endian), the header (JSON), and for a frame its pixels, row
by row. Those to a decoder of a network camera are single bytes.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import take_stdout

MAX_MEMORY_BYTES = 4 << 30
"""Enough for H.264 of 7680x4320 with all its reference frames."""

READ = b"r"
CLOSE = b"c"

OUT_OF_MEMORY = f"needs more than {MAX_MEMORY_BYTES >> 30} GiB of memory to be decoded"


class MessageWriter:
    """Takes over this process's standard output.

    Any thread may send.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptor = take_stdout()

    def send(self, header: dict[str, Any]) -> None:
        """Sends a message without pixels.

        Raises:
            BrokenPipeError: The parent closed the pipe.
        """
        self._write(header)

    def send_frame(self, rgb: NDArray[np.uint8], header: dict[str, Any]) -> None:
        """Sends a frame; its size is added to the header.

        Raises:
            BrokenPipeError: The parent closed the pipe.
        """
        height_px, width_px = rgb.shape[:2]
        self._write({**header, "width_px": width_px, "height_px": height_px}, rgb.data.cast("B"))

    def _write(self, header: dict[str, Any], pixels: memoryview | bytes = b"") -> None:
        text = json.dumps(header).encode()
        with self._lock:
            for data in (memoryview(len(text).to_bytes(4, "big") + text), pixels):
                while data:
                    data = data[os.write(self._descriptor, data) :]
