"""Capturing frames: opens the source, reads it, and opens it again when it fails, blocks or is frozen."""

from __future__ import annotations

import logging
import threading

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import AccessDeniedError, SourceError
from live_cam.pipeline.feed import Feed
from live_cam.sources.base import InterruptibleSource, Source
from live_cam.text import encodable
from live_cam.types import Frame

_log = logging.getLogger(__name__)

_TICK_S = 0.05
_MAX_READERS = 3
_MAX_BLOCKED = 8
_JOIN_LIMIT_S = 0.3
_UNHEALTHY = ("lost", "reconnecting")


class CaptureThread(threading.Thread):
    """Keeps a reader thread running while the source is enabled.

    Reading has threads of its own, since a driver may block in `open` or `read` forever. A blocked reader is
    interrupted where the source allows it, else abandoned, and the source opened by another; the first that delivers a
    frame goes on, and the others end. All are daemons and hold nothing that others wait for.
    """

    def __init__(self, source: Source, feed: Feed, clock: Clock = MONOTONIC) -> None:
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._feed = feed
        self._clock = clock
        self._stop_requested = False
        self._lock = threading.Lock()
        self._readers: list[_Reader] = []
        self._alive: list[_Reader] = []
        self._last_state = ""
        self._last_reason = ""

    def request_stop(self) -> None:
        """Asks the thread and its readers to end."""
        self._stop_requested = True

    def switch(self, source: Source, name: str) -> None:
        """Shows another source under a name, and closes the one before.

        A reader that its driver blocks closes it when it returns.
        """
        with self._lock:
            previous, self._source = self._source, source
            self._readers = []
            self._feed.switch(name, source.kind)
        if isinstance(previous, InterruptibleSource):
            previous.interrupt()

    def run(self) -> None:
        """Watches the source until stopped."""
        while not self._stop_requested:
            if not self._feed.settings.current.running:
                self._interrupt_readers()
                self._dismiss_readers()
                self._feed.watchdog.restart()
            elif self._feed.watchdog.attempt_due:
                self._start_reader()
            self._report_state()
            self._clock.sleep(_TICK_S)
        for reader in tuple(self._readers):
            reader.join(_JOIN_LIMIT_S)
        self._interrupt_readers()

    def deliver(self, reader: _Reader, frame: Frame, frozen_after_s: float | None) -> None:
        """Passes a frame on, and dismisses the readers that still block.

        Raises:
            SourceError: The source has to be opened again, since it is frozen.
        """
        with self._lock:
            if reader not in self._readers:
                return
            self._readers = [reader]
            self._feed.offer(frame, frozen_after_s)  # within the lock: none of an earlier source comes after `switch`
            if self._feed.watchdog.needs_reopen:
                raise SourceError(self._feed.status.message)

    def end(self, reader: _Reader, reason: str, is_denied: bool = False) -> None:
        """Notes that a reader has ended, and why; and whether the source denied access."""
        with self._lock:
            self._alive.remove(reader)
            if reader not in self._readers:
                return
            self._readers.remove(reader)
            if reason:
                self._feed.watchdog.fail(reason, is_denied)

    def is_new_failure(self, reason: str) -> bool:
        """Returns whether the source fails for another reason than the last time."""
        last, self._last_reason = self._last_reason, reason
        return reason != last

    def wants(self, reader: _Reader) -> bool:
        """Returns whether a reader should go on."""
        return reader in self._readers and not self._stop_requested

    def _start_reader(self) -> None:
        """Starts another reader; of those that block and can't be interrupted, the newest are kept."""
        self._interrupt_readers()
        if len(self._alive) >= _MAX_BLOCKED:
            self._feed.watchdog.fail(f"{self._feed.name} blocks every reader; unplug it, or restart live-cam")
            return
        with self._lock:
            reader = _Reader(self._source, self)
            self._alive.append(reader)
            self._readers = [*self._readers, reader][-_MAX_READERS:]
            self._feed.watchdog.attempt()
        reader.start()

    def _interrupt_readers(self) -> None:
        if self._readers and isinstance(self._source, InterruptibleSource):
            self._dismiss_readers()
            self._source.interrupt()

    def _dismiss_readers(self) -> None:
        with self._lock:
            self._readers = []

    def _report_state(self) -> None:
        """Wakes the viewers when the state has changed, and logs each loss once."""
        status = self._feed.status
        if status.state == self._last_state:
            return
        was_unhealthy, self._last_state = self._last_state in _UNHEALTHY, status.state
        self._feed.broadcaster.wake()
        if status.state in _UNHEALTHY and not was_unhealthy:
            _log.warning("%s", status.message)


class _Reader(threading.Thread):
    """Opens the source once and reads it for as long as it delivers frames and is wanted."""

    def __init__(self, source: Source, capture: CaptureThread) -> None:
        super().__init__(name=f"reader of {source.name}", daemon=True)
        self._source = source
        self._capture = capture

    def run(self) -> None:
        """Reads."""
        reason = ""
        is_denied = False
        try:
            stream = self._source.open()
            try:
                while self._capture.wants(self):
                    self._capture.deliver(self, stream.read(), stream.frozen_after_s)
            finally:
                stream.close()
        except SourceError as error:
            reason, is_denied = str(error), isinstance(error, AccessDeniedError)
        except Exception as error:
            reason = encodable(f"{self._source.name} failed: {error}")
            if self._capture.is_new_failure(reason):
                _log.exception("reading %s failed", self._source.name)
        self._capture.end(self, reason, is_denied)
