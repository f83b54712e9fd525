"""How many frames may be in flight to one viewer."""

from __future__ import annotations

import asyncio

import pytest

from live_cam.web.api.flow_control import FlowControl

MS = 1_000_000


def run_for(flow: FlowControl, round_trip_ms: int, interval_ms: int, frames: int = 100) -> None:
    """Sends and paints at a steady pace."""
    for seq in range(frames):
        now_ns = seq * interval_ms * MS
        flow.sent((seq, 0), now_ns, now_ns)
        flow.painted((seq, 0), now_ns + round_trip_ms * MS)


@pytest.mark.parametrize(("round_trip_ms", "window"), [(5, 2), (33, 2), (50, 3), (90, 4), (1000, 4)])
def test_the_window_grows_with_the_round_trip_from_two_to_four(round_trip_ms, window):
    flow = FlowControl()
    run_for(flow, round_trip_ms, interval_ms=34)
    assert flow.window == window


def test_there_is_credit_until_the_window_is_full_and_again_after_painting():
    async def scenario() -> None:
        flow = FlowControl()
        for seq in range(flow.window):
            assert await flow.credit(0)
            flow.sent((seq, 0), 0, 0)
        assert not await flow.credit(0)
        flow.painted((0, 0), 10 * MS)
        assert await flow.credit(0)

    asyncio.run(scenario())


def test_painting_the_newest_frame_settles_those_it_displaced():
    flow = FlowControl()
    flow.sent((1, 0), 0, 0)
    flow.sent((2, 0), 30 * MS, 30 * MS)
    flow.painted((2, 0), 80 * MS)
    assert asyncio.run(flow.credit(0))
    assert flow.display_latency_ms == 50.0


def test_painting_a_frame_that_was_never_sent_gives_no_credit():
    async def scenario() -> None:
        flow = FlowControl()
        for seq in range(flow.window):
            flow.sent((seq, 0), 0, 0)
        flow.painted((99, 0), 10 * MS)
        assert not await flow.credit(0)

    asyncio.run(scenario())


def test_a_hidden_viewer_has_no_credit_and_full_credit_once_it_is_visible_again():
    async def scenario() -> None:
        flow = FlowControl()
        for seq in range(flow.window):
            flow.sent((seq, 0), 0, 0)
        flow.hide(True)
        assert not await flow.credit(0)
        flow.hide(False)
        assert await flow.credit(0)

    asyncio.run(scenario())
