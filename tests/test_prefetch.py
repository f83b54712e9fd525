import threading

import pytest

from live_cam.prefetch import BackgroundWriter, Prefetcher


def counter(end):
    """Returns a function that returns 0, 1, ... and None from the `end`-th call on."""
    numbers = iter(range(end))
    return lambda: next(numbers, None)


def thread_names():
    return {thread.name for thread in threading.enumerate()}


def test_prefetcher_yields_all_items_in_order():
    with Prefetcher(counter(100), 3) as items:
        assert list(items) == list(range(100))
        assert list(items) == []


def test_prefetcher_works_ahead_of_the_consumer_but_not_further_than_allowed():
    calls = threading.Semaphore(0)
    count = counter(100)

    def produce():
        calls.release()
        return count()

    with Prefetcher(produce, 3) as items:
        for _ in range(4):  # three wait, one is being put
            assert calls.acquire(timeout=10)
        assert not calls.acquire(timeout=0.05)
        assert next(iter(items)) == 0
        assert calls.acquire(timeout=10)


def test_prefetcher_raises_an_error_after_the_items_before_it():
    count, seen = counter(2), []

    def produce():
        if (item := count()) is None:
            raise OSError("gone")
        return item

    def collect(items):
        for item in items:
            seen.append(item)  # noqa: PERF402 - extend would lose the items before the error

    with Prefetcher(produce, 3) as items, pytest.raises(OSError, match="gone"):
        collect(items)
    assert seen == [0, 1]


def test_prefetcher_stops_when_its_consumer_does():
    with Prefetcher(counter(10**9), 2) as items:
        assert next(iter(items)) == 0
        assert "prefetch" in thread_names()
    assert "prefetch" not in thread_names()


def test_prefetcher_cancels_the_call_under_way():
    cancelled = threading.Event()
    with Prefetcher(cancelled.wait, 2, cancelled.set):
        pass
    assert "prefetch" not in thread_names()


def test_writer_writes_all_items_in_order_before_it_ends():
    written: list[int] = []
    with BackgroundWriter(written.append, 3) as items:
        for number in range(100):
            items.put(number)
    assert written == list(range(100))


def test_writer_makes_a_fast_producer_wait():
    may_write, puts = threading.Event(), threading.Semaphore(0)
    written: list[int] = []

    def write(item):
        may_write.wait()
        written.append(item)

    with BackgroundWriter(write, 2) as items:

        def produce():
            for number in range(10):
                items.put(number)
                puts.release()

        producer = threading.Thread(target=produce)
        producer.start()
        for _ in range(3):  # two wait, one is being written
            assert puts.acquire(timeout=10)
        assert not puts.acquire(timeout=0.05)
        may_write.set()
        producer.join()
    assert written == list(range(10))


def test_writer_raises_an_error_at_the_next_item():
    def fail(item):
        raise OSError(f"no room for {item}")

    def put_forever():
        with BackgroundWriter(fail, 2) as items:
            while True:
                items.put(0)

    with pytest.raises(OSError, match="no room for 0"):
        put_forever()


def test_writer_raises_an_error_at_the_end():
    may_fail = threading.Event()

    def fail(item):
        may_fail.wait()
        raise OSError("no room")

    def put_one():
        with BackgroundWriter(fail, 2) as items:
            items.put(0)
            may_fail.set()

    with pytest.raises(OSError, match="no room"):
        put_one()


def test_writer_discards_what_waits_when_its_producer_fails():
    may_write = threading.Event()
    written: list[int] = []

    def write(item):
        may_write.wait()
        written.append(item)

    def fail_after_two():
        with BackgroundWriter(write, 1) as items:
            items.put(0)
            items.put(1)  # waits, while 0 is being written

            def put_one_too_many():
                items.put(2)  # returns only when the rest was discarded
                may_write.set()

            threading.Thread(target=put_one_too_many).start()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail_after_two()
    assert written == [0]
