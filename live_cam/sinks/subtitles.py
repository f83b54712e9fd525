"""The likeliest class as subtitles (WebVTT, https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

from html import escape
from pathlib import Path

from live_cam.sinks.growing_file import GrowingFile

_LONGEST_CUE_S = 1.0


class Subtitles:
    """A cue for each stretch of one label, none longer than a second, so that a kill loses no more."""

    def __init__(self, path: Path) -> None:
        """Opens a new file.

        Raises:
            OutputError: The file is there already, or can't be written.
        """
        self.path = path
        self._label = ""
        self._begin_s = 0.0
        self._file = GrowingFile(path, "WEBVTT\n\n")

    def say(self, time_s: float, label: str) -> None:
        """Shows `label` from `time_s` on; "" shows nothing.

        Raises:
            OutputError: The disk is full, or fails.
        """
        if label != self._label or time_s - self._begin_s >= _LONGEST_CUE_S:
            self._end_cue(time_s)
            self._label, self._begin_s = label, time_s

    def close(self, end_s: float) -> None:
        """Ends the last cue.

        Raises:
            OutputError: The disk is full, or fails.
        """
        try:
            self._end_cue(end_s)
        finally:
            self._file.close()

    def _end_cue(self, end_s: float) -> None:
        if self._label and end_s > self._begin_s:
            times = f"{_clock(self._begin_s)} --> {_clock(end_s)}"
            self._file.add(f"{times}\n{escape(self._label, quote=False)}\n\n")


def _clock(time_s: float) -> str:
    seconds, milliseconds = divmod(round(max(0.0, time_s) * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"
