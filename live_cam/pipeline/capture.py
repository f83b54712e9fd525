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
        self._status = self._opening()
        self._waiting_since_s = time.monotonic()

    @property
    def status(self) -> SourceStatus:
        """How the source is now; one that falls silent is lost, even while its `open` or `read` still blocks."""
        status, silence_s = self._status, time.monotonic() - self._waiting_since_s
        if status.state in ("starting", "live", "reconnecting") and silence_s > _SILENCE_LIMIT_S:
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
            if self._status.state == "ended":
                self._status, pause_s = self._opening(), _FIRST_PAUSE_S
            message = self._read_until_it_ends()
            if message is None:
                continue
            if self._status.state == "live":
                pause_s = _FIRST_PAUSE_S
            self._status = SourceStatus("lost", f"{message}; trying again in {pause_s:g} s")
            self._pause(pause_s)
            self._status = SourceStatus("reconnecting", f"{message}; trying again")
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _read_until_it_ends(self) -> str | None:
        """Reads frames until the source fails, and gives the reason; or until told to stop."""
        self._waiting_since_s = time.monotonic()
        try:
            self._source.open()
            while self._wanted:
                frame = self._source.read()
                self._waiting_since_s = time.monotonic()
                self._status = SourceStatus("live")
                self._statistics.count_captured()
                self._mailbox.put(frame)
        except SourceError as error:
            return str(error)
        except Exception as error:
            _log.exception("reading %s failed", self._source.name)
            return f"{self._source.name} failed: {error}"
        finally:
            try:
                self._source.close()
            except Exception:
                _log.exception("closing %s failed", self._source.name)
        return None

    @property
    def _wanted(self) -> bool:
        return self._controls.settings.running and not self._stop_requested.is_set()

    def _pause(self, pause_s: float) -> None:
        """Waits, but no longer than the source is wanted."""
        end_s = time.monotonic() + pause_s
        while self._wanted and (left_s := end_s - time.monotonic()) > 0:
            self._stop_requested.wait(min(left_s, 0.1))

    def _opening(self) -> SourceStatus:
        return SourceStatus("starting", f"Opening {self._source.name}")
