"""What was explained beside a video: a JSON Lines file, whole up to its last line at any moment."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from live_cam.errors import OutputError
from live_cam.frame import Explanation


class Sidecar:
    """One line for the file, one for each explained frame, one for the end."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Opens a new file and writes its first line.

        Raises:
            OutputError: The file is there already, or can't be written.
        """
        self.path = path
        self._settings: Mapping[str, Any] = header.get("settings", {})
        try:
            # Unbuffered: each line is one write, which a kill can't tear apart.
            self._file = path.open("xb", buffering=0)
            self._write(header)
        except OSError as error:
            raise self._failed(error) from error

    def explained(self, pts: int, explanation: Explanation, settings: Mapping[str, Any]) -> None:
        """Adds what was explained in the frame at `pts`, and the settings if they have changed.

        Raises:
            OutputError: The disk is full, or fails.
        """
        target = explanation.target
        line = {
            "pts": pts,
            "top": [asdict(score) | {"probability": round(score.probability, 6)} for score in explanation.top],
            "target": {"index": target.index, "label": explanation.target_label},
            "versus": None if target.versus is None else {"index": target.versus, "label": explanation.versus_label},
            "strength": round(explanation.strength, 4),
        }
        if settings != self._settings:
            self._settings = settings
            line["settings"] = settings
        self._add(line)

    def close(self, end: Mapping[str, Any]) -> None:
        """Adds the last line.

        Raises:
            OutputError: The disk is full, or fails.
        """
        try:
            self._add({"end": end})
        finally:
            self._file.close()

    def _add(self, line: Mapping[str, Any]) -> None:
        try:
            self._write(line)
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        begin = self._file.tell()
        if self._file.write(data) != len(data):
            self._file.seek(begin)
            self._file.truncate()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path.name} can't be written on: {error.strerror or error}")


def read_header(path: Path) -> dict[str, Any]:
    """Gives the first line of a sidecar; {} where there is none that can be read."""
    return _read_line(path, 0)


def read_end(path: Path) -> dict[str, Any]:
    """Gives what the last line of a sidecar says; {} where it was not finished."""
    end = _read_line(path, -1).get("end", {})
    return end if isinstance(end, dict) else {}


def _read_line(path: Path, number: int) -> dict[str, Any]:
    try:
        line = json.loads(path.read_text("utf-8").splitlines()[number])
    except (OSError, ValueError, IndexError):
        return {}
    return line if isinstance(line, dict) else {}
