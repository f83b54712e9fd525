from live_cam.sources.base import Pacer
from tests.clocks import FakeClock

_S = 1_000_000_000


def test_pacer_waits_until_a_frame_is_due_and_returns_the_time():
    clock = FakeClock()
    start_ns = clock.now_ns()
    pacer = Pacer(clock)
    assert [pacer.wait(position_ns) - start_ns for position_ns in (0, 1 * _S, 3 * _S)] == [0, 1 * _S, 3 * _S]


def test_pacer_does_not_catch_up_after_a_delay():
    clock = FakeClock()
    pacer = Pacer(clock)
    pacer.wait(0)
    clock.advance(5.0)
    late_ns = pacer.wait(1 * _S)
    assert late_ns == clock.now_ns()
    assert [pacer.wait(position_ns) - late_ns for position_ns in (2 * _S, 3 * _S)] == [1 * _S, 2 * _S]
