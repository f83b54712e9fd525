"""Conversion of stream timestamps to capture times."""

from __future__ import annotations

_DRIFT_ALLOWANCE = 200e-6  # quartz clocks differ by up to about 100 ppm
_JUMP_BACK_NS = 500_000_000


class StreamClock:
    """Maps stream time to `time.monotonic_ns` by the minimum delay seen; longer delays are attributed to the network.

    The minimum decays slowly, so that a camera whose clock runs slow does not seem to fall behind.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._stream_ns = 0
        self._arrived_ns = 0
        self._captured_ns = 0

    def arrived(self, stream_ns: int, arrived_ns: int) -> None:
        """Updates the mapping with a frame of timestamp `stream_ns` that had arrived by `arrived_ns`."""
        offset_ns = arrived_ns - stream_ns
        if self._offset_ns is not None and stream_ns > self._stream_ns - _JUMP_BACK_NS:
            drift_ns = int((arrived_ns - self._arrived_ns) * _DRIFT_ALLOWANCE)
            offset_ns = min(self._offset_ns + drift_ns, offset_ns)
        self._offset_ns = offset_ns
        self._stream_ns = stream_ns
        self._arrived_ns = arrived_ns

    def captured_ns(self, stream_ns: int | None, now_ns: int) -> int:
        """Returns a frame's capture time: never after `now_ns`, never before that of the previous call.

        Args:
            stream_ns: The frame's timestamp; None if it has none, for which now is the best guess.
            now_ns: The current time on the clock of `time.monotonic_ns`.
        """
        taken_ns = now_ns if stream_ns is None or self._offset_ns is None else stream_ns + self._offset_ns
        self._captured_ns = max(self._captured_ns, min(taken_ns, now_ns))
        return self._captured_ns
