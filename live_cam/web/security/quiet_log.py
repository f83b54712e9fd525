"""Keeps whoever causes an error over and over from filling the log."""

from __future__ import annotations

import logging

from live_cam.clock import MONOTONIC, Clock

_INTERVAL_NS = 60_000_000_000


class OnceAMinute(logging.Filter):
    """Passes each message, whatever its arguments are, and each kind of exception once a minute."""

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        super().__init__()
        self._clock = clock
        self._passed_ns: dict[object, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is logged."""
        now_ns = self._clock.now_ns()
        self._passed_ns = {key: at_ns for key, at_ns in self._passed_ns.items() if at_ns + _INTERVAL_NS > now_ns}
        key = (str(record.msg), record.exc_info[0] if record.exc_info else None)
        if key in self._passed_ns:
            return False
        self._passed_ns[key] = now_ns
        return True


ONCE_A_MINUTE = OnceAMinute()
"""The filter of all loggers that tell what clients do."""
