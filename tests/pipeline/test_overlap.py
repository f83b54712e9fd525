import threading
import time

import pytest

from live_cam.pipeline.overlap import Ahead, Behind


def nothing():
    pass


def counting(end):
    numbers = iter(range(end))
    return lambda: next(numbers, None)


def test_ahead_gives_all_in_order():
    with Ahead(counting(100), 3, nothing) as items:
        assert list(items) == list(range(100))


def test_ahead_works_while_nobody_asks_but_not_too_far(eventually):
    made = []
    make = counting(100)

    def note():
        made.append(make())
        return made[-1]

    with Ahead(note, 3, nothing) as items:
        eventually(lambda: len(made) == 4)  # three wait, one is in the hand
        time.sleep(0.05)
        assert len(made) == 4
        assert next(iter(items)) == 0


def test_ahead_passes_errors_on_behind_what_was_made():
    make = counting(2)

    def fail_at_the_end():
        if (item := make()) is None:
            raise OSError("gone")
        return item

    seen = []
    with Ahead(fail_at_the_end, 3, nothing) as items, pytest.raises(OSError, match="gone"):
        seen.extend(iter(items))
    assert seen == [] or seen == [0, 1]


def test_ahead_ends_early_when_nobody_wants_more():
    with Ahead(counting(10**9), 2, nothing) as items:
        assert next(iter(items)) == 0
    assert "ahead" not in {thread.name for thread in threading.enumerate()}


def test_ahead_gives_up_what_is_under_way():
    given_up = threading.Event()

    def wait_for_ever():
        given_up.wait()

    with Ahead(wait_for_ever, 2, given_up.set):
        pass
    assert "ahead" not in {thread.name for thread in threading.enumerate()}


def test_behind_takes_all_in_order_before_it_ends():
    taken = []
    with Behind(taken.append, 3) as items:
        for number in range(100):
            items.put(number)
    assert taken == list(range(100))


def test_behind_makes_the_hurried_wait(eventually):
    going_on, taken = threading.Event(), []

    def take(item):
        going_on.wait()
        taken.append(item)

    with Behind(take, 2) as items:
        handing_over = threading.Thread(target=lambda: [items.put(number) for number in range(10)])
        handing_over.start()
        handing_over.join(0.1)
        assert handing_over.is_alive()
        going_on.set()
        handing_over.join()
    assert taken == list(range(10))


def test_behind_tells_of_an_error_at_the_next_item():
    def fail(item):
        raise OSError(f"no room for {item}")

    def hand_over_for_ever():
        with Behind(fail, 2) as items:
            while True:
                items.put(0)

    with pytest.raises(OSError, match="no room for 0"):
        hand_over_for_ever()


def test_behind_tells_of_an_error_at_the_end():
    def fail(item):
        time.sleep(0.05)
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"), Behind(fail, 2) as items:
        items.put(0)


def test_behind_ends_at_once_when_the_other_side_fails():
    taken = []

    def take(item):
        time.sleep(0.05)
        taken.append(item)

    def break_after_50():
        with Behind(take, 100) as items:
            for number in range(50):
                items.put(number)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        break_after_50()
    assert len(taken) < 50
