"""Where a video can be cut: the key frames of a file, found without decoding it, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from live_cam.child_task import run_task, serve_task
from live_cam.errors import LiveCamError
from live_cam.sources.decode.messages import MAX_MEMORY_BYTES
from live_cam.sources.decode.reader import MAX_PIXELS, NO_TIMESTAMPS
from live_cam.sources.decode.video_stream import choose_video

_MODULE = "live_cam.sources.decode.key_frames"


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A frame at which decoding can start.

    Attributes:
        number: How many frames the file has before it, in presentation order, if all can be decoded.
        pts: Its time in ticks of the stream.
    """

    number: int
    pts: int


def find_key_frames(video: Path) -> list[KeyFrame]:
    """Returns the key frames of a video in presentation order, from the packets of the file.

    None of a file whose frames can't be told by their times, or that can't be read.
    """
    try:
        found = run_task(_MODULE, str(video.absolute()), f"finding the key frames of {video}")
    except (LiveCamError, OSError):  # decoding it will tell why
        return []
    return [KeyFrame(*each) for each in found]


def _find(path: str) -> list[tuple[int, int]]:
    with av.open(path, options={"max_pixels": str(MAX_PIXELS)}) as container:
        stream = choose_video(container)
        if stream is None or container.format.flags & NO_TIMESTAMPS or container.format.name == "avi":
            return []
        # Packets are not kept: they hold the bytes of the whole file.
        shown = [(packet.pts, packet.is_keyframe) for packet in container.demux(stream) if _is_shown(packet)]
    times = sorted((pts, is_key) for pts, is_key in shown if pts is not None)
    if len({pts for pts, _ in times}) < len(shown):
        return []
    return [(number, pts) for number, (pts, is_key) in enumerate(times) if is_key]


def _is_shown(packet: Packet[VideoStream]) -> bool:
    return bool(packet.size) and not packet.is_discard


if __name__ == "__main__":
    serve_task(_find, MAX_MEMORY_BYTES)
