import threading

import pytest

from live_cam.pipeline.mailbox import Mailbox


@pytest.fixture
def taker():
    """Takes from a mailbox in a thread: `taker(mailbox)` gives the thread and the list of what it took."""
    threads = []

    def start(mailbox):
        taken = []
        threads.append(threading.Thread(target=lambda: taken.append(mailbox.take()), daemon=True))
        threads[-1].start()
        return threads[-1], taken

    yield start
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()


def test_the_newest_wins_and_those_that_gave_way_are_counted():
    mailbox = Mailbox()
    for item in "abc":
        mailbox.put(item)
    assert mailbox.take() == "c"
    assert mailbox.dropped == 2


def test_what_is_taken_in_time_is_not_counted_as_dropped():
    mailbox = Mailbox()
    for item in "abc":
        mailbox.put(item)
        assert mailbox.take() == item
    assert mailbox.dropped == 0


def test_an_item_is_given_only_once(taker):
    mailbox = Mailbox()
    mailbox.put("a")
    assert mailbox.take() == "a"
    thread, taken = taker(mailbox)
    thread.join(0.05)
    assert taken == []
    mailbox.put("b")
    thread.join(10.0)
    assert taken == ["b"]


def test_closing_ends_the_wait_with_nothing(taker):
    mailbox = Mailbox()
    thread, taken = taker(mailbox)
    thread.join(0.02)
    mailbox.close()
    thread.join(10.0)
    assert taken == [None]


def test_after_closing_nobody_waits_and_what_still_lies_there_is_not_worked_on():
    mailbox = Mailbox()
    mailbox.put("a")
    mailbox.close()
    assert mailbox.take() is None
    mailbox.put("b")
    assert mailbox.take() is None
