"""The process that publishes.

    python -m live_cam.sinks.publish.process

The first line of its standard input is the target in JSON, which the command line would show to other users. Each line
that it writes, in JSON, asks for a frame, and holds `sent`, how many it has sent over the current connection, `error`,
why the last one failed or ended, and `denied`, whether access was refused. A frame is a line in JSON, `width_px`,
`height_px` and `pts_ns`, and its pixels; the first after an error opens the next connection. At the end of its standard
input it ends the stream.

So the newest frame is encoded whenever the server has taken the last, and none waits here.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import setup_child, take_stdout
from live_cam.errors import OutputError
from live_cam.sinks.publish.stream import DeniedError, LiveStream
from live_cam.sinks.publish.target import VIRTUAL_CAMERA
from live_cam.sinks.publish.virtual_camera import VirtualCamera

_MAX_MEMORY_BYTES = 3 << 30
_NICENESS = 10  # whoever watches the page comes first


class _Output(Protocol):
    def write(self, rgb: NDArray[np.uint8], pts_ns: int) -> None: ...

    def close(self) -> None: ...


def main() -> None:
    """Publishes frames until there are no more."""
    setup_child(_MAX_MEMORY_BYTES, on_input=None)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    replies = take_stdout()
    with open(sys.stdin.fileno(), "rb", closefd=False) as frames, suppress(BrokenPipeError):
        _publish(json.loads(frames.readline()), frames, replies)
    os._exit(0)  # FFmpeg may still wait for the server


def _publish(target: dict[str, Any], frames: io.BufferedReader[Any], replies: int) -> None:
    output: _Output | None = None
    reply: dict[str, Any] = {"sent": 0, "error": "", "denied": False}
    while True:
        os.write(replies, json.dumps(reply).encode() + b"\n")
        line = frames.readline()
        if not line:
            break
        header = json.loads(line)
        rgb = np.empty((header["height_px"], header["width_px"], 3), np.uint8)
        if frames.readinto(rgb.data.cast("B")) != rgb.nbytes:
            break
        try:
            if output is None:
                output = _open(target, (header["width_px"], header["height_px"]))
            output.write(rgb, header["pts_ns"])
            reply = {"sent": reply["sent"] + 1, "error": "", "denied": False}
        except OutputError as error:
            reply = {"sent": 0, "error": str(error), "denied": isinstance(error, DeniedError)}
            if output is not None:
                output.close()
            output = None
    if output is not None:
        output.close()


def _open(target: dict[str, Any], size_px: tuple[int, int]) -> _Output:
    if target["muxer"] == VIRTUAL_CAMERA:
        return VirtualCamera(size_px)
    return LiveStream(target["url"], target["muxer"], target["options"], size_px)


if __name__ == "__main__":
    main()
