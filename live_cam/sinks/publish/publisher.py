"""Publishing what viewers see, without ever delaying the live view."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import OutputError
from live_cam.sinks.publish.child import PublishingProcess
from live_cam.sinks.publish.target import PublishTarget
from live_cam.sinks.view import View, choose_view
from live_cam.types import EncodedFrame

_Item = tuple[NDArray[np.uint8], NDArray[np.uint8], int]
"""A raw frame, its overlay, and when it was captured."""

PublisherState = Literal["connecting", "live", "waiting", "ended"]

_log = logging.getLogger(__name__)

_S: Final = 1_000_000_000
# The longest is short enough for a server that is back to be published to within 3 s.
_PAUSES_NS: Final = (_S // 4, _S // 2, _S, 3 * _S // 2)
_DENIED_PAUSE_NS: Final = 60 * _S
_STEADY_NS: Final = 10 * _S
# A server closes a connection that is silent for long, and a frozen view has no new frames.
_REPEAT_AFTER_NS: Final = _S // 2
_POLL_S: Final = 0.05
_START_LIMIT_S: Final = 60.0
_OPEN_LIMIT_S: Final = 10.0
_STALL_LIMIT_S: Final = 8.0
_CLOSE_LIMIT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """Status of a publisher.

    Attributes:
        source: The name of the source.
        target: The name of the target, without path and credentials.
        state: `waiting` from a failure until the next attempt has succeeded.
        message: Why the last attempt failed, in one line; "" while all is well.
        sent: Frames sent since the start.
        dropped: Frames that were not sent, since the target or the encoder was too slow, or there was no connection.
        reconnects: How often the connection had to be opened again.
    """

    source: str
    target: str
    state: PublisherState
    message: str
    sent: int
    dropped: int
    reconnects: int


class Publisher:
    """Publishes one source to one target, in a thread and a process of its own, and connects again when that fails.

    One frame waits, the newest. The first frame of a connection determines the size of its video.

    Args:
        target: Where to publish to.
        source: The name of the source.
        view: What is published.
        clock: The time.
    """

    def __init__(self, target: PublishTarget, source: str, view: View, clock: Clock = MONOTONIC) -> None:
        self._target = target
        self._source = source
        self._view: View = view
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: _Item | None = None
        self._last: _Item | None = None
        self._last_sent_ns = self._retry_ns = self._live_ns = 0
        self._failures = 0
        self._stopping = False
        self._state: PublisherState = "connecting"
        self._message = ""
        self._sent = self._dropped = self._reconnects = 0
        self._process: PublishingProcess | None = None
        self._thread = threading.Thread(target=self._run, name=f"publisher to {target.name}", daemon=True)
        self._thread.start()

    @property
    def status(self) -> PublisherStatus:
        """The current status."""
        return PublisherStatus(
            self._source,
            self._target.name,
            self._state,
            f"{self._target.name} {self._message}" if self._message else "",
            self._sent,
            self._dropped,
            self._reconnects,
        )

    def put(self, overlay: NDArray[np.uint8], encoded: EncodedFrame) -> None:
        """Replaces the frame that waits; never blocks. Called by the worker.

        Args:
            overlay: uint8 (H, W, 3), RGB: the frame with its map.
            encoded: What the overlay was made of.
        """
        with self._changed:
            if self._waiting is not None:
                self._dropped += 1
            self._waiting = encoded.frame.rgb, overlay, encoded.pts_ns
            self._changed.notify()

    def stop(self) -> None:
        """Ends the stream; returns at once. Thread-safe."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        """Waits until the stream has ended, and ends its process after the timeout."""
        self._thread.join(timeout_s)
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.kill()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._publish()
            except OutputError as error:
                self._fail(str(error))
            except Exception as error:
                self._fail(f"failed: {error}")
                _log.exception("publishing to %s failed", self._target.name)
        self._state = "ended"

    def _publish(self) -> None:
        """Publishes with one process, over one connection after the other, until stopped.

        Raises:
            OutputError: The process crashed, or could not be started; or the target takes nothing.
        """
        process = self._process = PublishingProcess(self._target)
        try:
            limit_s = _START_LIMIT_S
            while True:
                reply = process.wait_until_ready(limit_s)
                if reply.error:
                    self._fail(reply.error, reply.denied)
                elif reply.sent:
                    self._count_sent(reply.sent)
                item = self._next_item()
                if item is None:
                    return process.close(_CLOSE_LIMIT_S)
                raw, overlay, pts_ns = item
                limit_s = _STALL_LIMIT_S if reply.sent else _OPEN_LIMIT_S
                process.send(choose_view(self._view, raw, overlay), pts_ns, limit_s)
        finally:
            process.close(0.0)
            self._process = None

    def _count_sent(self, of_connection: int) -> None:
        self._sent += 1
        now_ns = self._clock.now_ns()
        if of_connection == 1:
            if self._message:
                _log.warning("%s takes the video again", self._target.name)
            self._state, self._message, self._live_ns = "live", "", now_ns
        elif now_ns - self._live_ns > _STEADY_NS:
            self._failures = 0

    def _fail(self, message: str, denied: bool = False) -> None:
        """Notes why there is no connection, and when to open the next."""
        if self._message != message and not self._stopping:
            _log.warning("%s %s; trying again", self._target.name, message)
        pause_ns = _DENIED_PAUSE_NS if denied else _PAUSES_NS[min(self._failures, len(_PAUSES_NS) - 1)]
        self._retry_ns = self._clock.now_ns() + pause_ns
        self._failures += 1
        self._reconnects += 1
        self._message, self._state = message, "waiting"

    def _next_item(self) -> _Item | None:
        """Waits for a frame that was not sent, or until the last one is to be repeated; returns None once stopped."""
        with self._changed:
            while not self._stopping:
                now_ns = self._clock.now_ns()
                if now_ns >= self._retry_ns:
                    if self._waiting is not None:
                        self._last, self._waiting, self._last_sent_ns = self._waiting, None, now_ns
                        return self._last
                    if self._last is not None and now_ns - self._last_sent_ns >= _REPEAT_AFTER_NS:
                        self._last_sent_ns = now_ns
                        return *self._last[:2], now_ns
                self._changed.wait(_POLL_S)
        return None
