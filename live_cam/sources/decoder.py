"""The program that decodes a video file for `decoding.py`: a process of its own, since FFmpeg crashes on some damage.

    python -m live_cam.sources.decoder PATH [--loop]

To its standard output it writes messages: the length of a header (four bytes, most significant first), the header
(JSON), and with a picture its values, row by row. The first message describes the video, the last one tells what is
wrong with the file; in place of any there can be one with the `error` that ended it. It ends at once when its standard
input does, which its parent holds open.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import numpy as np
from numpy.typing import NDArray

from live_cam.child import become_child
from live_cam.errors import SourceError
from live_cam.sources.clip import Clip

_MOST_MEMORY_BYTES = 4 << 30
"""Enough for H.264 of 7680x4320 with all pictures that it may refer to."""


def main() -> None:
    """Decodes the file that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--loop", action="store_true")
    arguments = parser.parse_args()
    become_child(_MOST_MEMORY_BYTES)
    # What a library prints must not come between the messages.
    messages = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _decode(arguments.path, arguments.loop, messages)
    except BrokenPipeError:
        return
    except SourceError as error:
        _send(messages, {"error": str(error)})
    except MemoryError:
        limit = f"{_MOST_MEMORY_BYTES >> 30} GiB"
        _send(messages, {"error": f"needs more than {limit} of memory to be decoded; make its pictures smaller"})


def _decode(path: str, loop: bool, messages: int) -> None:
    """Sends the whole clip, or rounds of it one after the other.

    Raises:
        SourceError: It can't be decoded; the text goes on where the file's name ends.
        BrokenPipeError: Nobody listens any more.
    """
    clip = Clip(path)
    pictures = clip.pictures()
    first = next(pictures, None)
    height_px, width_px = clip.size_px if first is None else first[0].shape[:2]
    described = {
        "time_base": str(clip.time_base),
        "rate_fps": clip.rate_fps,
        "sample_aspect_ratio": str(clip.sample_aspect_ratio),
    }
    declared = {"duration_s": clip.declared_s, "frames_n": clip.declared_n}
    _send(messages, {"width_px": width_px, "height_px": height_px, **described, **declared})
    shift = 0
    while True:
        if first is not None:
            _send_picture(messages, first, shift)
            for picture in pictures:
                _send_picture(messages, picture, shift)
        problem = clip.problem
        clip.close()
        if not loop:
            return _send(messages, {"problem": problem})
        if first is None:
            raise SourceError("holds no frame that can be decoded; it may be cut short")
        end = clip.end + shift
        clip = Clip(path)
        pictures = clip.pictures()
        first = next(pictures, None)
        if first is not None:
            shift = end - first[1]


def _send_picture(messages: int, picture: tuple[NDArray[np.uint8], int, int], shift: int) -> None:
    rgb, pts, duration = picture
    height_px, width_px = rgb.shape[:2]
    _send(messages, {"width_px": width_px, "height_px": height_px, "pts": pts + shift, "duration": duration})
    _write(messages, rgb.data.cast("B"))


def _send(messages: int, header: dict[str, object]) -> None:
    text = json.dumps(header).encode()
    _write(messages, memoryview(len(text).to_bytes(4, "big") + text))


def _write(messages: int, values: memoryview) -> None:
    while values:
        values = values[os.write(messages, values) :]


if __name__ == "__main__":
    main()
