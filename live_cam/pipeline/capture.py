"""Grabbing frames: the source is opened, read, and opened again when it fails, blocks or is frozen."""

from __future__ import annotations

import logging
import threading

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.pipeline.clock import Clock, MonotonicClock
from live_cam.pipeline.feed import Feed
from live_cam.sources.source import Source

_log = logging.getLogger(__name__)

_TICK_S = 0.05
_MOST_READERS = 3
_MOST_BLOCKED = 8
_JOIN_LIMIT_S = 0.3
_ILL = ("lost", "reconnecting")


class CaptureThread(threading.Thread):
    """Sees to it that somebody reads the source while it is wanted.

    Reading is left to threads of their own, since a driver may block in `open` or `read` for ever. One that blocks is
    left to itself and the source is opened by another; the first that gives a frame then goes on, and the others end.
    All are daemons and hold nothing that others wait for.
    """

    def __init__(self, source: Source, feed: Feed, clock: Clock | None = None) -> None:
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._feed = feed
        self._clock = clock or MonotonicClock()
        self._stop_requested = False
        self._lock = threading.Lock()
        self._readers: list[_Reader] = []
        self._alive: list[_Reader] = []
        self._told = ""
        self._last_reason = ""

    def request_stop(self) -> None:
        """Asks the thread and its readers to end."""
        self._stop_requested = True

    def run(self) -> None:
        """Looks after the source until told to stop."""
        while not self._stop_requested:
            if not self._feed.controls.settings.running:
                self._dismiss_readers()
                self._feed.watchdog.restart()
            elif self._feed.watchdog.attempt_due:
                self._read()
            self._tell()
            self._clock.sleep(_TICK_S)
        for reader in tuple(self._readers):
            reader.join(_JOIN_LIMIT_S)

    def deliver(self, reader: _Reader, frame: Frame, frozen_after_s: float | None) -> None:
        """Passes on what a reader has read, and lets go of the readers that still block.

        Raises:
            SourceError: The source is to be opened anew, since its pictures are frozen.
        """
        with self._lock:
            if reader not in self._readers:
                return
            self._readers = [reader]
        self._feed.offer(frame, frozen_after_s)
        if self._feed.watchdog.hopeless:
            raise SourceError(self._feed.status.message)

    def end(self, reader: _Reader, reason: str) -> None:
        """Notes that a reader has ended, and why."""
        with self._lock:
            if reader not in self._readers:
                return
            self._readers.remove(reader)
            if reason:
                self._feed.watchdog.fail(reason)

    def is_news(self, reason: str) -> bool:
        """Tells whether a source fails for another reason than the last time."""
        last, self._last_reason = self._last_reason, reason
        return reason != last

    def wants(self, reader: _Reader) -> bool:
        """Tells whether a reader is to go on."""
        return reader in self._readers and not self._stop_requested

    def _read(self) -> None:
        """Opens the source in a thread of its own; of those that block, the newest are waited for."""
        self._alive = [reader for reader in self._alive if reader.is_alive()]
        if len(self._alive) >= _MOST_BLOCKED:
            self._feed.watchdog.fail(f"{self._feed.name} blocks all who open it; unplug it, or start live_cam again")
            return
        reader = _Reader(self._source, self)
        self._alive.append(reader)
        with self._lock:
            self._readers = [*self._readers, reader][-_MOST_READERS:]
            self._feed.watchdog.attempt()
        reader.start()

    def _dismiss_readers(self) -> None:
        with self._lock:
            self._readers = []

    def _tell(self) -> None:
        """Wakes those who watch when the state has changed, and writes each illness to the log once."""
        status = self._feed.status
        if status.state == self._told:
            return
        was_ill, self._told = self._told in _ILL, status.state
        self._feed.hub.wake()
        if status.state in _ILL and not was_ill:
            _log.warning("%s", status.message)


class _Reader(threading.Thread):
    """Opens the source once and reads it for as long as it gives frames and is wanted."""

    def __init__(self, source: Source, capture: CaptureThread) -> None:
        super().__init__(name=f"reader of {source.name}", daemon=True)
        self._source = source
        self._capture = capture

    def run(self) -> None:
        """Reads."""
        reason = ""
        try:
            stream = self._source.open()
            try:
                while self._capture.wants(self):
                    self._capture.deliver(self, stream.read(), stream.frozen_after_s)
            finally:
                stream.close()
        except SourceError as error:
            reason = str(error)
        except Exception as error:
            reason = f"{self._source.name} failed: {error}"
            if self._capture.is_news(reason):
                _log.exception("reading %s failed", self._source.name)
        self._capture.end(self, reason)
