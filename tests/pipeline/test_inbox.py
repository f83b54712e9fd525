import threading

import pytest

from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Aside, Inbox
from live_cam.pipeline.statistics import Statistics


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def feeds(inbox):
    """Three feeds: a, b and c."""
    return [Feed(name, "demo", Controls(), inbox, Statistics()) for name in "abc"]


@pytest.fixture
def put(inbox, make_frame):
    """Lays out a frame: `put(feed, seq)`."""
    return lambda feed, seq: inbox.put(feed, make_frame(seq=seq))


@pytest.fixture
def taker(inbox):
    """Takes in a thread: `taker()` gives the thread and the list of what it took."""
    threads = []

    def start():
        taken = []
        threads.append(threading.Thread(target=lambda: taken.append(names(inbox.take())), daemon=True))
        threads[-1].start()
        return threads[-1], taken

    yield start
    inbox.close()
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive()


def names(taken):
    return [(feed.name, frame.seq) for feed, frame in taken]


def dropped(feed):
    return feed.statistics.read().dropped


def test_the_newest_frame_of_a_feed_wins_and_those_that_gave_way_are_counted(inbox, feeds, put):
    for seq in range(3):
        put(feeds[0], seq)
    assert names(inbox.take()) == [("a", 2)]
    assert dropped(feeds[0]) == 2


def test_a_frame_of_one_feed_does_not_give_way_to_that_of_another(inbox, feeds, put):
    for seq, feed in enumerate(feeds):
        put(feed, seq)
    assert names(inbox.take(3)) == [("a", 0), ("b", 1), ("c", 2)]
    assert [dropped(feed) for feed in feeds] == [0, 0, 0]


def test_a_drop_is_counted_with_the_feed_whose_frame_it_was(feeds, put):
    put(feeds[0], 0)
    put(feeds[1], 0)
    put(feeds[1], 1)
    assert [dropped(feed) for feed in feeds] == [0, 1, 0]


def test_what_is_taken_in_time_is_not_counted_as_dropped(inbox, feeds, put):
    for seq in range(3):
        put(feeds[0], seq)
        assert names(inbox.take()) == [("a", seq)]
    assert dropped(feeds[0]) == 0


def test_no_more_are_taken_than_asked_for_and_the_others_wait_on(inbox, feeds, put):
    for feed in feeds:
        put(feed, 0)
    assert names(inbox.take(2)) == [("a", 0), ("b", 0)]
    assert names(inbox.take(2)) == [("c", 0)], "nobody waits until as many are there as are taken at once"


def test_who_asks_for_no_number_gets_one(inbox, feeds, put):
    for feed in feeds:
        put(feed, 0)
    assert [names(inbox.take()) for _ in feeds] == [[("a", 0)], [("b", 0)], [("c", 0)]]


def test_a_feed_whose_frame_is_replaced_keeps_its_place(inbox, feeds, put):
    put(feeds[0], 0)
    put(feeds[1], 0)
    put(feeds[0], 1)
    assert names(inbox.take(2)) == [("a", 1), ("b", 0)]


def test_a_feed_that_was_served_goes_to_the_end(inbox, feeds, put):
    put(feeds[0], 0)
    put(feeds[1], 0)
    inbox.take()
    put(feeds[0], 1)
    assert names(inbox.take(2)) == [("b", 0), ("a", 1)]


def test_who_sends_more_than_others_is_not_served_more_often(inbox, feeds, put):
    greedy, *modest = feeds
    served = []
    for feed in modest:
        put(feed, 0)
    for turn in range(30):
        for seq in range(10):
            put(greedy, seq)
        ((feed, _),) = inbox.take()
        served.append(feed.name)
        if feed in modest:
            put(feed, turn)
    assert {name: served.count(name) for name in "abc"} == {"a": 10, "b": 10, "c": 10}


def test_a_frame_is_given_only_once(inbox, feeds, put, taker):
    put(feeds[0], 0)
    assert names(inbox.take()) == [("a", 0)]
    thread, taken = taker()
    thread.join(0.05)
    assert taken == []
    put(feeds[0], 1)
    thread.join(10.0)
    assert taken == [[("a", 1)]]


def test_a_feed_that_has_left_is_not_served(inbox, feeds, put):
    for feed in feeds:
        put(feed, 0)
    inbox.remove(feeds[1])
    assert names(inbox.take(2)) == [("a", 0), ("c", 0)]
    assert feeds[1].statistics.read().dropped == 1


def test_fewer_than_are_taken_at_once_are_taken_one_by_one_so_that_none_grows_old_meanwhile(inbox, feeds, put):
    put(feeds[0], 0)
    put(feeds[1], 0)
    assert names(inbox.take(3)) == [("a", 0)]
    put(feeds[1], 1)
    assert names(inbox.take(3)) == [("b", 1)]


def test_a_feed_for_which_nothing_waits_may_leave(inbox, feeds, put):
    inbox.remove(feeds[0])
    put(feeds[1], 0)
    assert names(inbox.take(3)) == [("b", 0)]


def test_closing_ends_the_wait_with_nothing(inbox, taker):
    thread, taken = taker()
    thread.join(0.02)
    inbox.close()
    thread.join(10.0)
    assert taken == [[]]


def test_after_closing_nobody_waits_and_what_still_lies_there_is_not_worked_on(inbox, feeds, put):
    put(feeds[0], 0)
    inbox.close()
    assert inbox.take() == []
    put(feeds[0], 1)
    assert inbox.take(3) == []


def test_an_aside_is_answered_between_frames_by_whoever_takes(inbox, feeds, put):
    answers = [inbox.ask(lambda explainer, n=n: (explainer, n)) for n in range(2)]
    put(feeds[0], 0)
    put(feeds[1], 0)
    order = []
    for _ in range(4):
        taken = inbox.take()
        if isinstance(taken, Aside):
            taken.run("explainer")
            order.append("aside")
        else:
            order += names(taken)
    assert order == ["aside", ("a", 0), "aside", ("b", 0)] or order == [("a", 0), "aside", ("b", 0), "aside"]
    assert [answer.result(0) for answer in answers] == [("explainer", 0), ("explainer", 1)]


def test_an_aside_that_fails_fails_for_who_asked_alone(inbox):
    answer = inbox.ask(lambda explainer: 1 / 0)
    inbox.take().run(None)
    with pytest.raises(ZeroDivisionError):
        answer.result(0)


def test_asides_are_refused_when_too_many_wait_or_the_inbox_is_closed(inbox):
    answers = [inbox.ask(lambda explainer: None) for _ in range(100)]
    waiting = [answer for answer in answers if not answer.cancelled()]
    assert 0 < len(waiting) < 50
    inbox.close()
    assert all(answer.cancelled() for answer in answers)
    assert inbox.ask(lambda explainer: None).cancelled()


def test_a_wait_ends_when_nothing_comes_in_time(inbox):
    assert inbox.take(timeout_s=0.01) == []
