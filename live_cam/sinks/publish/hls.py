"""HLS playlists of fragmented MP4, which any web server can hand out."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from live_cam.errors import OutputError
from live_cam.files import require_writable

PLAYLIST: Final = "index.m3u8"
"""The playlist in a folder that is named without one."""
PLAYLIST_SUFFIX: Final = ".m3u8"

SEGMENT_S: Final = 2
_MAX_SEGMENTS = 6


def hls_options(playlist: Path) -> dict[str, str]:
    """Returns the options of FFmpeg's muxer; segments are numbered by the time, so that none has the name of another.

    Args:
        playlist: The playlist, beside which the segments are.
    """
    return {
        "hls_segment_type": "fmp4",
        "hls_time": str(SEGMENT_S),
        "hls_list_size": str(_MAX_SEGMENTS),
        "hls_start_number_source": "epoch",
        "hls_flags": "delete_segments+independent_segments+temp_file",
        "hls_segment_filename": str(playlist.with_name(f"{_escaped(playlist.stem)}-%d.m4s")),
    }


def init_name(playlist: Path) -> str:
    """Returns a new name for the header of the segments, which players keep."""
    return f"{playlist.stem}-{int(time.time() * 1000)}.mp4"


def check_playlist(playlist: Path) -> None:
    """Checks that a playlist can be written, and makes its folder where only that is missing.

    Raises:
        OutputError: It can't, or there is one that lists other files than ours.
    """
    folder = playlist.parent
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} can't be made ({error.strerror}); make it, or publish to another"
        ) from error
    require_writable(folder)
    if playlist.exists() and not _is_own(playlist):
        raise OutputError(f"{playlist} exists, and live_cam did not write it; publish to another folder or .m3u8 file")


def remove_segments(playlist: Path) -> None:
    """Removes the segments that an earlier run has left: the new playlist does not list them."""
    own = _own_names(playlist)
    for path in playlist.parent.iterdir():
        if own.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _is_own(playlist: Path) -> bool:
    try:
        lines = playlist.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return False
    own = _own_names(playlist)
    segments = [line for line in lines if line and not line.startswith("#")]
    return lines[:1] == ["#EXTM3U"] and all(own.fullmatch(name) for name in segments)


def _own_names(playlist: Path) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(playlist.stem)}-\d{{10,}}\.(m4s|mp4)(\.tmp)?")


def _escaped(text: str) -> str:
    """Returns text for a pattern in which FFmpeg puts a number in place of `%d`."""
    return text.replace("%", "%%")
