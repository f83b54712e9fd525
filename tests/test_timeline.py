"""Gaps in timestamps, on packets without a file."""

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from live_cam.timeline import Timeline

_DISCONT = 0x200
_HOUR = 3600 * 90_000


@dataclass
class _Packet:
    dts: int | None
    stream_index: int = 0
    duration: int | None = 3600
    pts: int | None = None
    time_base: Fraction = Fraction(1, 90_000)

    def __post_init__(self):
        self.pts = self.dts if self.pts is None else self.pts


def _shifted(packets, starts=(0,), flags=_DISCONT):
    streams: Any = [
        SimpleNamespace(index=index, start_time=start, time_base=Fraction(1, 90_000))
        for index, start in enumerate(starts)
    ]
    timeline = Timeline(streams, flags)
    for packet in packets:
        timeline.shift(packet)
    return [packet.dts for packet in packets]


@pytest.mark.parametrize("jump", [_HOUR, -_HOUR, -18_000], ids=["an hour on", "an hour back", "a little back"])
def test_what_follows_a_jump_follows_the_packet_before(jump):
    start = 2 * _HOUR
    times = [start, start + 3600, start + 7200 + jump, start + 10_800 + jump]
    assert _shifted([_Packet(dts) for dts in times]) == [start, start + 3600, start + 7200, start + 10_800]


def test_presentation_times_keep_their_distance_to_decoding_times():
    packets = [_Packet(0, pts=7200), _Packet(_HOUR, pts=_HOUR + 10_800)]
    _shifted(packets)
    assert [packet.pts for packet in packets] == [7200, 3600 + 10_800]


def test_all_streams_are_shifted_by_the_jump_of_the_first():
    packets = [_Packet(0), _Packet(0, 1, 2000), _Packet(_HOUR, 1, 2000), _Packet(_HOUR), _Packet(_HOUR + 2000, 1, 2000)]
    assert _shifted(packets, starts=(0, 0)) == [0, 0, 2000, 2000, 4000]


def test_programs_with_clocks_of_their_own_leave_each_other_alone():
    other = 5 * _HOUR
    packets = [_Packet(0), _Packet(other, 1), _Packet(_HOUR), _Packet(other + 3600, 1), _Packet(_HOUR + 3600)]
    assert _shifted(packets, starts=(0, other)) == [0, other, 3600, other + 3600, 7200]


@pytest.mark.parametrize(
    ("times", "flags"),
    [
        ([0, 3600, 9 * 90_000], _DISCONT),
        ([0, 3600, _HOUR], 0),
        ([0, 7200, 3600], _DISCONT),
    ],
    ids=["a pause", "a long frame where timestamps never jump", "a damaged packet"],
)
def test_other_times_stay(times, flags):
    assert _shifted([_Packet(dts) for dts in times], flags=flags) == times


def test_a_single_wrong_time_shifts_nothing_for_good():
    assert _shifted([_Packet(0), _Packet(_HOUR), _Packet(7200), _Packet(10_800)]) == [0, 3600, 7200, 10_800]


def test_without_durations_the_last_distance_counts():
    packets = [_Packet(dts, duration=0) for dts in (0, 3600, _HOUR, _HOUR + 3600)]
    assert _shifted(packets) == [0, 3600, 7200, 10_800]


def test_packets_without_a_time_are_passed_on():
    packets = [_Packet(0), _Packet(None), _Packet(3600)]
    assert _shifted(packets) == [0, None, 3600]
