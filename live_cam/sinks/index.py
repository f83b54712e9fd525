"""Moving a finished video's index to its front, where players and browsers look for it first."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import av

_log = logging.getLogger(__name__)

_SPARE_BYTES = 4096


def put_index_in_front(path: Path, hurry: threading.Event) -> None:
    """Copies a video, packet for packet, into a file with its index in front, and puts that in its place.

    The video stays as it is, playable all the same, where that fails, is cut short by a kill, or takes too long.

    Args:
        path: The video.
        hurry: Ends the copying when set.
    """
    copy = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        if _copy(path, copy, hurry):
            os.replace(copy, path)
    except (OSError, av.FFmpegError) as error:
        _log.warning("%s keeps its index at the end: %s", path.name, error)
    finally:
        copy.unlink(missing_ok=True)


def _copy(path: Path, copy: Path, hurry: threading.Event) -> bool:
    with av.open(path) as source:
        pictures = source.streams.video[0]
        if path.suffix.casefold() == ".mp4":
            timescale = str((pictures.time_base or 1).denominator)
            # Room for the index beforehand, as much as it takes now: to make it afterwards would be to copy twice.
            options = {"moov_size": str(_index_bytes(path)), "movie_timescale": timescale}
        else:
            options = {"cues_to_front": "1", "avoid_negative_ts": "disabled"}
        with av.open(copy, "w", options=options) as target:
            stream = target.add_stream_from_template(pictures)
            for packet in source.demux(pictures):
                if hurry.is_set():
                    return False
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    return True


def _index_bytes(path: Path) -> int:
    """Gives the size of an MP4 file's index, and some more, for what another version of the muxer may add."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        at = 0
        while at < size:
            file.seek(at)
            box = file.read(16)
            length = int.from_bytes(box[:4])
            length = int.from_bytes(box[8:]) if length == 1 else length or size - at
            if box[4:8] == b"moov":
                return length + _SPARE_BYTES
            at += max(length, 8)
    raise OSError("it has no index")
