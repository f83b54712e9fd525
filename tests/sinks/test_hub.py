import asyncio
import threading
import time
import tracemalloc

import numpy as np
import pytest

from live_cam.frame import EncodedFrame, Frame, Look
from live_cam.sinks.hub import Hub

# Waits that must end early are given far more time than the test allows itself.
_LONG_S = 60.0
_SOON_S = 10.0


@pytest.fixture
def encoded(make_explanation):
    """Makes encoded frames: `encoded(seq, size=10)`."""
    explanation = make_explanation()

    def make(seq, size=10):
        frame = Frame(np.zeros((1, 1, 3), np.uint8), seq, seq, "test")
        return EncodedFrame(bytes(size), frame, explanation, Look())

    return make


@pytest.fixture
def in_thread():
    """Runs functions in threads of their own, which have ended when the test has."""
    threads = []

    def start(function, *arguments):
        threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(_SOON_S)


def test_who_comes_back_for_more_gets_the_newest_frame_and_not_the_next(encoded):
    async def watch():
        with hub.watch() as viewer:
            for seq in range(5):
                hub.publish(encoded(seq))
            return await viewer.next_frame(after_seq=0, timeout_s=_LONG_S)

    hub = Hub()
    assert asyncio.run(watch()).seq == 4


def test_who_comes_late_gets_the_newest_frame_at_once(encoded):
    async def watch():
        with hub.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(after_seq=-1, timeout_s=_LONG_S), _SOON_S)

    hub = Hub()
    hub.publish(encoded(7))
    assert asyncio.run(watch()).seq == 7


def test_the_frame_one_has_seen_is_not_given_again(encoded):
    async def watch():
        with hub.watch() as viewer:
            seen = await viewer.next_frame(after_seq=-1, timeout_s=_LONG_S)
            return seen.seq, await viewer.next_frame(after_seq=seen.seq, timeout_s=0.05)

    hub = Hub()
    hub.publish(encoded(7))
    assert asyncio.run(watch()) == (7, None)


def test_numbers_that_begin_again_are_news(encoded):
    async def watch():
        with hub.watch() as viewer:
            return await viewer.next_frame(after_seq=900, timeout_s=_LONG_S)

    hub = Hub()
    hub.publish(encoded(0))
    assert asyncio.run(watch()).seq == 0


def test_a_frame_published_by_another_thread_wakes_who_waits(encoded, in_thread):
    def publish_when_the_loop_sleeps():
        time.sleep(0.05)
        hub.publish(encoded(3))

    async def watch():
        with hub.watch() as viewer:
            in_thread(publish_when_the_loop_sleeps)
            return await viewer.next_frame(after_seq=-1, timeout_s=_SOON_S)

    hub = Hub()
    start_s = time.monotonic()
    assert asyncio.run(watch()).seq == 3
    assert time.monotonic() - start_s < _SOON_S / 2, "it woke only when its time was up"


def test_no_frame_is_missed_by_who_keeps_up(encoded, in_thread):
    seen = []
    asked_for = threading.Semaphore(0)

    def publish():
        for seq in range(200):
            asked_for.acquire(timeout=_SOON_S)
            hub.publish(encoded(seq))

    async def watch():
        with hub.watch() as viewer:
            for seq in range(200):
                asked_for.release()
                frame = await asyncio.wait_for(viewer.next_frame(after_seq=seq - 1, timeout_s=_LONG_S), _SOON_S)
                seen.append(frame.seq)

    hub = Hub()
    in_thread(publish)
    asyncio.run(watch())
    assert seen == list(range(200))


def test_viewers_on_event_loops_of_their_own_all_get_the_frame(encoded, in_thread, eventually):
    seen = []

    async def watch():
        with hub.watch() as viewer:
            frame = await viewer.next_frame(after_seq=-1, timeout_s=_LONG_S)
            seen.append(frame.seq)

    hub = Hub()
    threads = [in_thread(asyncio.run, watch()) for _ in range(3)]
    eventually(lambda: hub.viewer_count == 3)
    hub.publish(encoded(11))
    for thread in threads:
        thread.join(_SOON_S)
    assert seen == [11, 11, 11]


def test_a_viewer_that_never_reads_costs_no_memory_and_holds_nobody_up(encoded):
    async def watch():
        with hub.watch(), hub.watch() as reader:
            for seq in range(300):
                hub.publish(encoded(seq, size=100_000))
                frame = await reader.next_frame(after_seq=seq - 1, timeout_s=_LONG_S)
                assert frame.seq == seq
        return tracemalloc.get_traced_memory()[1]

    hub = Hub()
    tracemalloc.start()
    try:
        peak_bytes = asyncio.run(watch())
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3_000_000, "of 30 MB that were published"


def test_a_viewer_whose_event_loop_has_ended_disturbs_nobody(encoded):
    async def watch_and_vanish():
        hub.watch()

    async def watch():
        with hub.watch() as viewer:
            hub.publish(encoded(2))
            return await viewer.next_frame(after_seq=-1, timeout_s=_LONG_S)

    hub = Hub()
    asyncio.run(watch_and_vanish())
    assert asyncio.run(watch()).seq == 2


def test_closing_ends_every_wait_at_once(in_thread, eventually):
    gotten = []

    async def watch():
        with hub.watch() as viewer:
            gotten.append(await viewer.next_frame(after_seq=-1, timeout_s=_LONG_S))

    hub = Hub()
    threads = [in_thread(asyncio.run, watch()) for _ in range(2)]
    eventually(lambda: hub.viewer_count == 2)
    start_s = time.monotonic()
    hub.close()
    for thread in threads:
        thread.join(_SOON_S)
    assert time.monotonic() - start_s < _SOON_S
    assert gotten == [None, None]
    assert hub.viewer_count == 0


def test_after_closing_nobody_waits(encoded):
    async def watch():
        with hub.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(after_seq=-1, timeout_s=_LONG_S), _SOON_S)

    hub = Hub()
    hub.publish(encoded(1))
    hub.close()
    assert asyncio.run(watch()) is None


def test_viewers_are_counted_as_they_come_and_go_even_by_an_error():
    counts = []

    async def watch():
        counts.append(hub.viewer_count)
        with hub.watch(), hub.watch():
            counts.append(hub.viewer_count)
        counts.append(hub.viewer_count)
        with hub.watch():
            counts.append(hub.viewer_count)
            raise ConnectionResetError

    hub = Hub()
    with pytest.raises(ConnectionResetError):
        asyncio.run(watch())
    assert [*counts, hub.viewer_count] == [0, 2, 0, 1, 0]


def test_a_wait_in_vain_ends_when_it_was_told_to():
    async def watch():
        with hub.watch() as viewer:
            return await asyncio.wait_for(viewer.next_frame(after_seq=-1, timeout_s=0.05), _SOON_S)

    hub = Hub()
    assert asyncio.run(watch()) is None


def test_waking_ends_a_wait_without_a_picture_once(encoded, in_thread, eventually):
    gotten = []

    async def watch():
        with hub.watch() as viewer:
            gotten.append(await viewer.next_frame(after_seq=7, timeout_s=_LONG_S))
            gotten.append(await viewer.next_frame(after_seq=7, timeout_s=0.05))
            gotten.append(await viewer.next_frame(after_seq=6, timeout_s=_LONG_S))

    hub = Hub()
    hub.publish(encoded(7))
    thread = in_thread(asyncio.run, watch())
    eventually(lambda: hub.viewer_count == 1)
    begin_s = time.monotonic()
    hub.wake()
    thread.join(_SOON_S)
    assert time.monotonic() - begin_s < _SOON_S
    assert [frame and frame.seq for frame in gotten] == [None, None, 7]


def test_a_wake_that_came_between_two_waits_is_not_missed_and_a_new_picture_comes_first(encoded):
    async def watch():
        with hub.watch() as viewer:
            hub.publish(encoded(1))
            hub.wake()
            first = await viewer.next_frame(after_seq=-1, timeout_s=_LONG_S)
            second = await asyncio.wait_for(viewer.next_frame(after_seq=1, timeout_s=_LONG_S), _SOON_S)
            return first.seq, second

    hub = Hub()
    assert asyncio.run(watch()) == (1, None)


def test_who_comes_after_a_wake_is_not_woken_by_it():
    async def watch():
        with hub.watch() as viewer:
            begin_s = time.monotonic()
            await viewer.next_frame(after_seq=-1, timeout_s=0.1)
            return time.monotonic() - begin_s

    hub = Hub()
    hub.wake()
    assert asyncio.run(watch()) >= 0.09
