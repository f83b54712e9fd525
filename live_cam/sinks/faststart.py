"""Moves the index of a finished video to its front, where players and browsers look for it first."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Final

import av

from live_cam.files import part_path

_log = logging.getLogger(__name__)

MATROSKA_OPTIONS: Final = {"cues_to_front": "1", "avoid_negative_ts": "disabled"}
"""FFmpeg muxer options of a Matroska or WebM file with its index in front, whose timestamps are not shifted."""

_SPARE_BYTES = 4096


def faststart(path: Path, cancel: threading.Event) -> None:
    """Replaces a video by a copy, packet for packet, with its index in front.

    If that fails, is killed or cancelled, the video stays as it was, which is playable too.

    Args:
        path: The video.
        cancel: Stops copying when set.
    """
    copy = part_path(path, path.suffix)
    try:
        if _copy(path, copy, cancel):
            os.replace(copy, path)
    except (OSError, av.FFmpegError) as error:
        _log.warning("%s keeps its index at the end: %s", path.name, error)
    finally:
        copy.unlink(missing_ok=True)


def _copy(path: Path, copy: Path, cancel: threading.Event) -> bool:
    with av.open(path) as source:
        video = source.streams.video[0]
        options = MATROSKA_OPTIONS
        if path.suffix.casefold() == ".mp4":
            timescale = str((video.time_base or 1).denominator)
            # Reserves room for an index of the same size: moving it afterwards would copy the file twice.
            options = {"moov_size": str(_index_bytes(path)), "movie_timescale": timescale}
        with av.open(copy, "w", options=options) as target:
            stream = target.add_stream_from_template(video)
            for packet in source.demux(video):
                if cancel.is_set():
                    return False
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    return True


def _index_bytes(path: Path) -> int:
    """Returns the size of an MP4 file's index, with some room for what another version of the muxer may add."""
    with path.open("rb") as file:
        file_bytes = file.seek(0, os.SEEK_END)
        position = 0
        while position < file_bytes:
            file.seek(position)
            box = file.read(16)
            length = int.from_bytes(box[:4])
            length = int.from_bytes(box[8:]) if length == 1 else length or file_bytes - position
            if box[4:8] == b"moov":
                return length + _SPARE_BYTES
            position += max(length, 8)
    raise OSError("it has no index")
