import asyncio
import threading
import tracemalloc

import numpy as np
import pytest

from live_cam.pipeline.broadcast import Broadcaster
from live_cam.types import EncodedFrame, Frame, OverlayStyle

# The timeout of waits that must end early is longer than the test waits for them.
_LONG_S = 60.0
_SOON_S = 30.0


@pytest.fixture
def encoded(make_explanation):
    """Creates encoded frames: `encoded(seq, size=10, revision=0)`."""
    explanation = make_explanation()

    def make(seq, size=10, revision=0):
        frame = Frame(np.zeros((1, 1, 3), np.uint8), seq, seq, revision=revision)
        return EncodedFrame(bytes(size), frame, explanation, OverlayStyle())

    return make


@pytest.fixture
def in_thread():
    """Runs functions in threads of their own, which end before the test does."""
    threads = []

    def start(function, *arguments):
        threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(_SOON_S)


def test_a_slow_viewer_gets_the_newest_frame_and_not_the_next(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            for seq in range(5):
                broadcaster.publish(encoded(seq))
            return await viewer.next_frame((0, 0), timeout_s=_LONG_S)

    broadcaster = Broadcaster()
    assert asyncio.run(watch()).seq == 4


def test_a_late_viewer_gets_the_newest_frame_at_once(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(None, timeout_s=_LONG_S), _SOON_S)

    broadcaster = Broadcaster()
    broadcaster.publish(encoded(7))
    assert asyncio.run(watch()).seq == 7


def test_no_frame_is_returned_twice(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            first = await viewer.next_frame(None, timeout_s=_LONG_S)
            return first.seq, await viewer.next_frame(first.key, timeout_s=0.05)

    broadcaster = Broadcaster()
    broadcaster.publish(encoded(7))
    assert asyncio.run(watch()) == (7, None)


def test_numbers_may_start_again(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            return await viewer.next_frame((900, 0), timeout_s=_LONG_S)

    broadcaster = Broadcaster()
    broadcaster.publish(encoded(0))
    assert asyncio.run(watch()).seq == 0


def test_a_frame_published_by_another_thread_wakes_a_viewer_that_waits(encoded, in_thread):
    async def watch():
        with broadcaster.watch() as viewer:
            waiting = asyncio.create_task(viewer.next_frame(None, timeout_s=_LONG_S))
            await asyncio.sleep(0)
            in_thread(broadcaster.publish, encoded(3))
            return await asyncio.wait_for(waiting, _SOON_S)

    broadcaster = Broadcaster()
    assert asyncio.run(watch()).seq == 3


def test_a_fast_viewer_misses_no_frame(encoded, in_thread):
    seqs = []
    requested = threading.Semaphore(0)

    def publish():
        for seq in range(200):
            requested.acquire(timeout=_SOON_S)
            broadcaster.publish(encoded(seq))

    async def watch():
        with broadcaster.watch() as viewer:
            for seq in range(200):
                requested.release()
                frame = await asyncio.wait_for(viewer.next_frame((seq - 1, 0), timeout_s=_LONG_S), _SOON_S)
                seqs.append(frame.seq)

    broadcaster = Broadcaster()
    in_thread(publish)
    asyncio.run(watch())
    assert seqs == list(range(200))


def test_viewers_in_several_event_loops_all_get_the_frame(encoded, in_thread, eventually):
    seqs = []

    async def watch():
        with broadcaster.watch() as viewer:
            frame = await viewer.next_frame(None, timeout_s=_LONG_S)
            seqs.append(frame.seq)

    broadcaster = Broadcaster()
    threads = [in_thread(asyncio.run, watch()) for _ in range(3)]
    eventually(lambda: broadcaster.viewer_count == 3)
    broadcaster.publish(encoded(11))
    for thread in threads:
        thread.join(_SOON_S)
    assert seqs == [11, 11, 11]


def test_a_viewer_that_never_reads_costs_no_memory_and_blocks_nobody(encoded):
    async def watch():
        with broadcaster.watch(), broadcaster.watch() as reader:
            for seq in range(300):
                broadcaster.publish(encoded(seq, size=100_000))
                frame = await reader.next_frame((seq - 1, 0), timeout_s=_LONG_S)
                assert frame.seq == seq
        return tracemalloc.get_traced_memory()[1]

    broadcaster = Broadcaster()
    tracemalloc.start()
    try:
        peak_bytes = asyncio.run(watch())
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3_000_000, "of 30 MB that were published"


def test_a_viewer_whose_event_loop_has_ended_is_ignored(encoded):
    async def watch_and_vanish():
        broadcaster.watch()

    async def watch():
        with broadcaster.watch() as viewer:
            broadcaster.publish(encoded(2))
            return await viewer.next_frame(None, timeout_s=_LONG_S)

    broadcaster = Broadcaster()
    asyncio.run(watch_and_vanish())
    assert asyncio.run(watch()).seq == 2


def test_closing_ends_every_wait_at_once(in_thread, eventually):
    received = []

    async def watch():
        with broadcaster.watch() as viewer:
            received.append(await viewer.next_frame(None, timeout_s=_LONG_S))

    broadcaster = Broadcaster()
    threads = [in_thread(asyncio.run, watch()) for _ in range(2)]
    eventually(lambda: broadcaster.viewer_count == 2)
    broadcaster.close()
    for thread in threads:
        thread.join(_SOON_S)
    assert received == [None, None]
    assert broadcaster.viewer_count == 0


def test_after_closing_nobody_waits(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(None, timeout_s=_LONG_S), _SOON_S)

    broadcaster = Broadcaster()
    broadcaster.publish(encoded(1))
    broadcaster.close()
    assert asyncio.run(watch()) is None


def test_viewers_are_counted_even_if_they_leave_by_an_error():
    counts = []

    async def watch():
        counts.append(broadcaster.viewer_count)
        with broadcaster.watch(), broadcaster.watch():
            counts.append(broadcaster.viewer_count)
        counts.append(broadcaster.viewer_count)
        with broadcaster.watch():
            counts.append(broadcaster.viewer_count)
            raise ConnectionResetError

    broadcaster = Broadcaster()
    with pytest.raises(ConnectionResetError):
        asyncio.run(watch())
    assert [*counts, broadcaster.viewer_count] == [0, 2, 0, 1, 0]


def test_a_wait_ends_after_its_timeout():
    async def watch():
        with broadcaster.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(None, timeout_s=0.05), _SOON_S)

    broadcaster = Broadcaster()
    assert asyncio.run(watch()) is None


def test_waking_ends_one_wait_without_a_frame(encoded, in_thread, eventually):
    received = []

    async def watch():
        with broadcaster.watch() as viewer:
            received.append(await viewer.next_frame((7, 0), timeout_s=_LONG_S))
            received.append(await viewer.next_frame((7, 0), timeout_s=0.05))
            received.append(await viewer.next_frame((6, 0), timeout_s=_LONG_S))

    broadcaster = Broadcaster()
    broadcaster.publish(encoded(7))
    thread = in_thread(asyncio.run, watch())
    eventually(lambda: broadcaster.viewer_count == 1)
    broadcaster.wake()
    thread.join(_SOON_S)
    assert [frame and frame.seq for frame in received] == [None, None, 7]


def test_a_wake_between_two_waits_is_not_missed_and_a_new_frame_comes_first(encoded):
    async def watch():
        with broadcaster.watch() as viewer:
            broadcaster.publish(encoded(1))
            broadcaster.wake()
            first = await viewer.next_frame(None, timeout_s=_LONG_S)
            second = await asyncio.wait_for(viewer.next_frame((1, 0), timeout_s=_LONG_S), _SOON_S)
            return first.seq, second

    broadcaster = Broadcaster()
    assert asyncio.run(watch()) == (1, None)


def test_a_later_viewer_is_not_woken_by_an_earlier_wake():
    async def watch():
        with broadcaster.watch() as viewer, pytest.raises(TimeoutError):
            await asyncio.wait_for(viewer.next_frame(None, timeout_s=_LONG_S), 0.05)

    broadcaster = Broadcaster()
    broadcaster.wake()
    asyncio.run(watch())
