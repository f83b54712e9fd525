"""What was explained beside a video: a JSON Lines file, whole up to its last line at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from live_cam.frame import Explanation
from live_cam.sinks.growing_file import GrowingFile

_LONGEST_LINE_BYTES = 65_536


class Sidecar:
    """One line for the file, one for each explained frame, one for the end."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Opens a new file and writes its first line.

        Raises:
            OutputError: The file is there already, or can't be written.
        """
        self.path = path
        self._settings: Mapping[str, Any] = header.get("settings", {})
        self._file = GrowingFile(path, _line(header))

    def explained(self, pts: int, explanation: Explanation, settings: Mapping[str, Any]) -> None:
        """Adds what was explained in the frame at `pts`, and the settings if they have changed.

        Raises:
            OutputError: The disk is full, or fails.
        """
        words = {
            "pts": pts,
            "top": [asdict(score) | {"probability": round(score.probability, 6)} for score in explanation.top],
            **question_words(explanation),
            "strength": round(explanation.strength, 4),
        }
        if settings != self._settings:
            self._settings = settings
            words["settings"] = settings
        self._file.add(_line(words))

    def close(self, end: Mapping[str, Any]) -> None:
        """Adds the last line.

        Raises:
            OutputError: The disk is full, or fails.
        """
        try:
            self._file.add(_line({"end": end}))
        finally:
            self._file.close()


def question_words(explanation: Explanation) -> dict[str, Any]:
    """Gives the question that was answered, as plain values, for JSON."""
    target = explanation.target
    return {
        "target": {"index": target.index, "label": explanation.target_label},
        "versus": None if target.versus is None else {"index": target.versus, "label": explanation.versus_label},
        "against": target.against,
    }


def _line(words: Mapping[str, Any]) -> str:
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_header(path: Path) -> dict[str, Any]:
    """Gives the first line of a sidecar; {} where there is none that can be read."""
    return _read(path, lambda file: file.readline(_LONGEST_LINE_BYTES))


def read_end(path: Path) -> dict[str, Any]:
    """Gives what the last line of a sidecar says; {} where it was not finished."""
    end = _read(path, _last_line).get("end", {})
    return end if isinstance(end, dict) else {}


def _last_line(file: BinaryIO) -> bytes:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_LINE_BYTES))
    return file.read().rstrip(b"\n").rpartition(b"\n")[2]


def _read(path: Path, choose: Callable[[BinaryIO], bytes]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            words = json.loads(choose(file))
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}
