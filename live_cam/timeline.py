"""Timestamps that go on where those of a file begin anew or jump: joined recordings, counters that wrap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

_TS_DISCONT: Final = 0x200  # AVFMT_TS_DISCONT, a flag of container formats
_MAX_GAP_S: Final = 10  # ffmpeg's -dts_delta_threshold
_MAX_GAP_ELSEWHERE_S: Final = 30 * 3600  # ffmpeg's -dts_error_threshold, for formats whose timestamps never jump
_MAX_STEP_BACK_S: Final = Fraction(1, 10)


@dataclass(slots=True)
class _Clock:
    """A clock that several streams share.

    Attributes:
        offset_s: What is added to its time.
    """

    offset_s: Fraction = Fraction(0)


@dataclass(slots=True)
class _Position:
    """How far a stream was read, in continuous time."""

    dts_s: Fraction
    duration_s: Fraction


class Timeline:
    """Closes gaps in the timestamps of a file's packets, as ffmpeg does.

    A jump is measured by the first packet behind it, whichever stream it is of, and shifts all streams of the same
    clock by the same time, so that they stay in sync. The programs of a broadcast have clocks of their own, so streams
    share one only if they start within `_MAX_GAP_S` of each other.
    """

    def __init__(self, streams: Iterable[Stream], format_flags: int) -> None:
        """Prepares for the packets of these streams, from the first on, in the order of the file.

        Args:
            streams: The streams with video or audio.
            format_flags: FFmpeg's flags of the container format.
        """
        self._max_gap_s = _MAX_GAP_S if format_flags & _TS_DISCONT else _MAX_GAP_ELSEWHERE_S
        self._clocks: dict[int, _Clock] = {}
        self._positions: dict[int, _Position] = {}
        clock = self._first = _Clock()
        last_s: Fraction | None = None
        for start_s, index in sorted((_start_s(stream), stream.index) for stream in streams):
            if last_s is not None and start_s - last_s > _MAX_GAP_S:
                clock = _Clock()
            self._clocks[index], last_s = clock, start_s

    def offset_s(self, stream_index: int) -> Fraction:
        """Returns the time by which packets of a stream are shifted at present."""
        return self._clocks[stream_index].offset_s

    def shift(self, packet: Packet[Any]) -> None:
        """Replaces the timestamps of the next packet by continuous ones."""
        # Subtitles pause for as long as nothing is said: they only follow.
        clock = self._clocks.get(packet.stream_index, self._first)
        if packet.dts is not None and packet.stream_index in self._clocks:
            self._follow(packet, packet.dts * packet.time_base, clock)
        offset = round(clock.offset_s / packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts + offset
        packet.pts = None if packet.pts is None else packet.pts + offset

    def _follow(self, packet: Packet[Any], file_s: Fraction, clock: _Clock) -> None:
        """Moves the clock if the packet is not where the last one of its stream ends."""
        last = self._positions.get(packet.stream_index)
        duration_s = (packet.duration or 0) * packet.time_base
        if last is not None:
            dts_s, due_s = file_s + clock.offset_s, last.dts_s + last.duration_s
            if abs(dts_s - due_s) > self._max_gap_s or dts_s + _MAX_STEP_BACK_S < last.dts_s:
                clock.offset_s += due_s - dts_s
            duration_s = duration_s or max(Fraction(0), file_s + clock.offset_s - last.dts_s)
        self._positions[packet.stream_index] = _Position(file_s + clock.offset_s, duration_s)


def _start_s(stream: Stream) -> Fraction:
    return (stream.start_time or 0) * (stream.time_base or Fraction(0))
