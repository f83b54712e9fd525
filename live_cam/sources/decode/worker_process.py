"""The decoder process of `isolated.py`.

    python -m live_cam.sources.decode.worker_process PATH [--loop]

It writes messages to its standard output: the length of a header (four bytes, big-endian), the header (JSON), and for
a frame its pixels, row by row. The first message describes the video, the last one says what is wrong with the file;
any of them may be replaced by one with the `error` that ended decoding. The process exits as soon as its standard
input is closed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import setup_child
from live_cam.errors import SourceError
from live_cam.sources.decode.reader import VideoReader

_MAX_MEMORY_BYTES = 4 << 30
"""Enough for H.264 of 7680x4320 with all its reference frames."""


def main() -> None:
    """Decodes the file that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--loop", action="store_true")
    arguments = parser.parse_args()
    setup_child(_MAX_MEMORY_BYTES)
    # Output of libraries must not mix with the messages.
    messages = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _decode(arguments.path, arguments.loop, messages)
    except BrokenPipeError:
        return
    except SourceError as error:
        _send(messages, {"error": str(error)})
    except MemoryError:
        limit = f"{_MAX_MEMORY_BYTES >> 30} GiB"
        _send(messages, {"error": f"needs more than {limit} of memory to be decoded; scale its frames down"})


def _decode(path: str, loop: bool, messages: int) -> None:
    """Sends all frames, once or in a loop.

    Raises:
        SourceError: The file can't be decoded; the message continues a sentence that starts with its name.
        BrokenPipeError: The parent closed the pipe.
    """
    video = VideoReader(path)
    frames = video.frames()
    first = next(frames, None)
    height_px, width_px = video.size_px if first is None else first[0].shape[:2]
    _send(
        messages,
        {
            "width_px": width_px,
            "height_px": height_px,
            "time_base": str(video.time_base),
            "rate_fps": video.rate_fps,
            "sample_aspect_ratio": str(video.sample_aspect_ratio),
            "duration_s": video.duration_s,
            "num_frames": video.num_frames,
        },
    )
    shift = 0
    while True:
        if first is not None:
            _send_frame(messages, first, shift)
            for frame in frames:
                _send_frame(messages, frame, shift)
        problem = video.problem
        video.close()
        if not loop:
            return _send(messages, {"problem": problem})
        if first is None:
            raise SourceError("contains no frame that can be decoded; it may be cut short")
        end_pts = video.end_pts + shift
        video = VideoReader(path)
        frames = video.frames()
        first = next(frames, None)
        if first is not None:
            shift = end_pts - first[1]


def _send_frame(messages: int, frame: tuple[NDArray[np.uint8], int, int], shift: int) -> None:
    rgb, pts, duration = frame
    height_px, width_px = rgb.shape[:2]
    _send(messages, {"width_px": width_px, "height_px": height_px, "pts": pts + shift, "duration": duration})
    _write(messages, rgb.data.cast("B"))


def _send(messages: int, header: dict[str, object]) -> None:
    text = json.dumps(header).encode()
    _write(messages, memoryview(len(text).to_bytes(4, "big") + text))


def _write(messages: int, data: memoryview) -> None:
    while data:
        data = data[os.write(messages, data) :]


if __name__ == "__main__":
    main()
