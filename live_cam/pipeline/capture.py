"""The thread that grabs frames: opens the source, reads it, and tries again when it fails."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from live_cam.errors import SourceError
from live_cam.frame import Frame, SourceState
from live_cam.pipeline.controls import Controls
from live_cam.pipeline.mailbox import Mailbox
from live_cam.pipeline.statistics import Statistics
from live_cam.sources.source import Source

_log = logging.getLogger(__name__)

_SILENCE_LIMIT_S = 2.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How the source is, with a sentence for the person who watches (empty while all is well)."""

    state: SourceState
    message: str = ""


class CaptureThread(threading.Thread):
    """Reads the source as fast as it gives frames and lays the newest in the mailbox.

    A daemon, since a driver may block in `read` for ever and must not keep the program from ending.
    """

    def __init__(self, source: Source, mailbox: Mailbox[Frame], controls: Controls, statistics: Statistics) -> None:
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._mailbox = mailbox
        self._controls = controls
        self._statistics = statistics
        self._stop_requested = threading.Event()
        self._status = SourceStatus("starting", f"Opening {source.name}")
        self._last_frame_s = 0.0

    @property
    def status(self) -> SourceStatus:
        """How the source is now; one that fell silent is lost, even while its `read` still blocks."""
        status, silence_s = self._status, time.monotonic() - self._last_frame_s
        if status.state == "live" and silence_s > _SILENCE_LIMIT_S:
            return SourceStatus("lost", f"{self._source.name} has given no picture for {silence_s:.0f} s")
        return status

    def request_stop(self) -> None:
        """Asks the thread to end after the frame it waits for."""
        self._stop_requested.set()

    def run(self) -> None:
        """Opens, reads and closes the source until told to stop."""
        pause_s = _FIRST_PAUSE_S
        while not self._stop_requested.is_set():
            if not self._controls.wait_until_running(timeout_s=0.1):
                self._status = SourceStatus("ended", "Stopped; press Start to go on")
                continue
            before = self._status
            try:
                if before.state == "ended":
                    self._status = SourceStatus("starting", f"Opening {self._source.name}")
                self._source.open()
                self._read_until_told()
                continue
            except SourceError as error:
                message = str(error)
            except Exception as error:
                _log.exception("reading %s failed", self._source.name)
                message = f"{self._source.name} failed: {error}"
            finally:
                self._source.close()
            pause_s = _FIRST_PAUSE_S if self._status.state == "live" else min(2 * pause_s, _LONGEST_PAUSE_S)
            self._status = SourceStatus("lost", f"{message}; trying again in {pause_s:g} s")
            self._stop_requested.wait(pause_s)
            self._status = SourceStatus("reconnecting", f"{message}; trying again")

    def _read_until_told(self) -> None:
        while not self._stop_requested.is_set() and self._controls.settings.running:
            frame = self._source.read()
            self._last_frame_s = time.monotonic()
            self._status = SourceStatus("live")
            self._statistics.count_captured()
            self._mailbox.put(frame)
