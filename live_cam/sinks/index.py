"""Moving a finished video's index to its front, where players and browsers look for it first."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Final

import av

_FRONT: Final = {".mp4": {"movflags": "+faststart"}, ".mkv": {"cues_to_front": "1"}, ".webm": {"cues_to_front": "1"}}

_log = logging.getLogger(__name__)


def put_index_in_front(path: Path, hurry: threading.Event) -> None:
    """Copies a video, packet for packet, into a file with its index in front, and puts that in its place.

    The video stays as it is, playable all the same, where that fails, is cut short by a kill, or takes too long.

    Args:
        path: The video.
        hurry: Ends the copying when set.
    """
    copy = path.with_name(f".{path.name}.part{path.suffix}")
    try:
        if _copy(path, copy, hurry):
            os.replace(copy, path)
    except (OSError, av.FFmpegError) as error:
        _log.warning("%s keeps its index at the end: %s", path.name, error)
    finally:
        copy.unlink(missing_ok=True)


def _copy(path: Path, copy: Path, hurry: threading.Event) -> bool:
    with av.open(path) as source, av.open(copy, "w", options=_FRONT[path.suffix.casefold()]) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if hurry.is_set():
                return False
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return True
