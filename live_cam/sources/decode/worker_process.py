"""The decoder process of `isolated.py`.

    python -m live_cam.sources.decode.worker_process PATH [--loop] [--start-pts PTS]

It writes messages (`messages.py`) to its standard output. The first one describes the video, the last one says what is
wrong with the file; any of them may be replaced by one with the `error` that ended decoding. The process exits as soon
as its standard input is closed.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from live_cam.child_process import setup_child
from live_cam.errors import SourceError
from live_cam.sources.decode.messages import MAX_MEMORY_BYTES, OUT_OF_MEMORY, MessageWriter
from live_cam.sources.decode.reader import VideoReader


def main() -> None:
    """Decodes the file that the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--start-pts", type=int)
    arguments = parser.parse_args()
    setup_child(MAX_MEMORY_BYTES)
    messages = MessageWriter()
    try:
        send_video(arguments.path, arguments.loop, messages, start_pts=arguments.start_pts)
    except BrokenPipeError:
        return
    except SourceError as error:
        messages.send({"error": str(error)})
    except MemoryError:
        messages.send({"error": f"{OUT_OF_MEMORY}; scale its frames down"})


def send_video(path: str, loop: bool, messages: MessageWriter, formats: str = "", start_pts: int | None = None) -> None:
    """Sends all frames, once or in a loop.

    Args:
        path: The file.
        loop: Whether the first frame follows the last.
        messages: Where they are sent.
        formats: See `VideoReader`.
        start_pts: See `VideoReader`.

    Raises:
        SourceError: The file can't be decoded; the message continues a sentence that starts with its name.
        BrokenPipeError: The parent closed the pipe.
    """
    video = VideoReader(path, formats, start_pts)
    frames = video.frames()
    first = next(frames, None)
    height_px, width_px = video.size_px if first is None else first[0].shape[:2]
    messages.send(
        {
            "width_px": width_px,
            "height_px": height_px,
            "time_base": str(video.time_base),
            "rate_fps": video.rate_fps,
            "sample_aspect_ratio": str(video.sample_aspect_ratio),
            "duration_s": video.duration_s,
            "num_frames": video.num_frames,
        }
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
            return messages.send({"problem": problem})
        if first is None:
            raise SourceError("contains no frame that can be decoded; it may be cut short")
        end_pts = video.end_pts + shift
        video = VideoReader(path, formats)
        frames = video.frames()
        first = next(frames, None)
        if first is not None:
            shift = end_pts - first[1]


def _send_frame(messages: MessageWriter, frame: tuple[NDArray[np.uint8], int, int], shift: int) -> None:
    rgb, pts, duration = frame
    messages.send_frame(rgb, {"pts": pts + shift, "duration": duration})


if __name__ == "__main__":
    main()
