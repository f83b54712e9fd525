"""Explanations beside a video as JSON Lines, complete up to the last line at any moment; see docs/sidecar.md."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from live_cam.files import AppendOnlyFile

_MAX_LINE_BYTES = 65_536
_KEYS_OF_0_1_0 = {"versus": "contrast", "against": "counterfactual", "begun": "started"}
_VIEWS_OF_0_1_0 = {"seen": "overlay", "clean": "raw"}


class Sidecar:
    """Writes a header line, one line per explained frame, and an end line."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Creates the file with its header; `settings` in it are those of the first frame.

        Raises:
            OutputError: The file exists, or cannot be written.
        """
        self.path = path
        self._settings: Mapping[str, Any] = header.get("settings", {})
        self._file = AppendOnlyFile(path, _line(header))

    def write_frame(self, pts: int, record: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Appends the line of a frame.

        Args:
            pts: Time stamp of the frame in the video file.
            record: The explanation as JSON values.
            settings: Current settings, written only where they differ from those before.

        Raises:
            OutputError: The disk is full, or fails.
        """
        changed = {} if settings == self._settings else {"settings": settings}
        self._settings = settings
        self._file.append(_line({"pts": pts, **record, **changed}))

    def close(self, end: Mapping[str, Any]) -> None:
        """Appends the end line and closes the file.

        Raises:
            OutputError: The disk is full, or fails.
        """
        try:
            self._file.append(_line({"end": end}))
        finally:
            self._file.close()


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_header(path: Path) -> dict[str, Any]:
    """Returns the header of a sidecar, also of one written by 0.1.0; {} if there is none that can be read."""
    header = _read_line(path, lambda file: file.readline(_MAX_LINE_BYTES))
    header = {_KEYS_OF_0_1_0.get(key, key): value for key, value in header.items()}
    if "score" in header:  # without a word about it, frames were stretched
        header.setdefault("resize", "stretch")
    if "view" in header:
        header["view"] = _VIEWS_OF_0_1_0.get(header["view"], header["view"])
    return header


def read_end(path: Path) -> dict[str, Any]:
    """Returns the `end` object of a sidecar; {} if the video was not finished."""
    end = _read_line(path, _last_line).get("end", {})
    return end if isinstance(end, dict) else {}


def _last_line(file: BinaryIO) -> bytes:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_LINE_BYTES))
    return file.read().rstrip(b"\n").rpartition(b"\n")[2]


def _read_line(path: Path, select: Callable[[BinaryIO], bytes]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            record = json.loads(select(file))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
