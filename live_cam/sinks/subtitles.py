"""The top class as subtitles (WebVTT, https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

from html import escape
from pathlib import Path

from live_cam.files import AppendOnlyFile

_MAX_CUE_S = 1.0


class Subtitles:
    """Writes one cue per run of the same label, none longer than a second, which is all that a kill loses."""

    def __init__(self, path: Path) -> None:
        """Creates the file.

        Raises:
            OutputError: The file exists, or cannot be written.
        """
        self.path = path
        self._label = ""
        self._start_s = 0.0
        self._file = AppendOnlyFile(path, "WEBVTT\n\n")

    def show(self, time_s: float, label: str) -> None:
        """Shows `label` from `time_s` on; "" shows nothing.

        Raises:
            OutputError: The disk is full, or fails.
        """
        if label != self._label or time_s - self._start_s >= _MAX_CUE_S:
            self._end_cue(time_s)
            self._label, self._start_s = label, time_s

    def close(self, end_s: float) -> None:
        """Ends the last cue at `end_s` and closes the file.

        Raises:
            OutputError: The disk is full, or fails.
        """
        try:
            self._end_cue(end_s)
        finally:
            self._file.close()

    def _end_cue(self, end_s: float) -> None:
        if self._label and end_s > self._start_s:
            times = f"{_timestamp(self._start_s)} --> {_timestamp(end_s)}"
            self._file.append(f"{times}\n{escape(self._label, quote=False)}\n\n")


def _timestamp(time_s: float) -> str:
    seconds, milliseconds = divmod(round(max(0.0, time_s) * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"
