"""The decoder process of `jpeg_decoders.py`.

    python -m live_cam.sources.decode.jpeg_process

It reads JPEGs from its standard input, each after its length (four bytes, big-endian), and writes to its standard
output for each the height and width (four bytes each, big-endian) and the pixels, row by row; a size of 0x0 if the
JPEG is damaged, and once at first, when it is ready. The system ends it when a JPEG takes more than `CPU_LIMIT_S`.
"""

from __future__ import annotations

import os
import struct
import sys

import cv2

from live_cam.child_process import limit_cpu, setup_child, take_stdout
from live_cam.errors import SourceError
from live_cam.sources.jpeg import decode_jpeg

LENGTH = struct.Struct(">I")
SIZE = struct.Struct(">II")
CPU_LIMIT_S = 0.5
"""Of processor time, so that a busy machine ends nothing; ten times as much as 1920x1920 pixels take."""
_MAX_MEMORY_BYTES = 1 << 30
"""Three times as much as 1920x1920 pixels take, of which most is the address space of libraries."""


def main() -> None:
    """Decodes until its standard input is closed."""
    setup_child(_MAX_MEMORY_BYTES, on_input=None)
    cv2.setNumThreads(1)
    requests = sys.stdin.buffer
    responses = take_stdout()
    os.write(responses, SIZE.pack(0, 0))
    while length := requests.read(LENGTH.size):
        jpeg = requests.read(*LENGTH.unpack(length))
        limit_cpu(CPU_LIMIT_S)
        try:
            rgb = decode_jpeg(jpeg)
        except SourceError:
            response = SIZE.pack(0, 0)
        else:
            response = b"".join((SIZE.pack(*rgb.shape[:2]), rgb.data))
        limit_cpu(0)
        left = memoryview(response)
        while left:
            left = left[os.write(responses, left) :]


if __name__ == "__main__":
    main()
