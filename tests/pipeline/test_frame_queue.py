import threading
from dataclasses import replace

import pytest

from live_cam.pipeline.frame_queue import FrameQueue, Task


@pytest.fixture
def frame_queue():
    return FrameQueue()


@pytest.fixture
def put(frame_queue, make_frame):
    """Puts a frame: `put(key, seq=0)` returns whether one was displaced."""
    return lambda key, seq=0: frame_queue.put(key, make_frame(seq=seq))


@pytest.fixture
def take_in_thread(frame_queue):
    """Takes in a thread: `take_in_thread()` returns the thread and the list of what it took."""
    threads = []

    def start():
        taken = []
        threads.append(threading.Thread(target=lambda: taken.append(keys(frame_queue.take())), daemon=True))
        threads[-1].start()
        return threads[-1], taken

    yield start
    frame_queue.close()
    for thread in threads:
        thread.join(30.0)
        assert not thread.is_alive()


def keys(batch):
    return [(key, frame.seq) for key, frame in batch]


def test_the_newest_frame_of_a_feed_wins_and_the_displaced_ones_are_reported(frame_queue, put):
    assert [put("a", seq) for seq in range(3)] == [False, True, True]
    assert keys(frame_queue.take()) == [("a", 2)]


def test_a_frame_does_not_displace_that_of_another_feed(frame_queue, put):
    assert [put(key, seq) for seq, key in enumerate("abc")] == [False] * 3
    assert keys(frame_queue.take(3)) == [("a", 0), ("b", 1), ("c", 2)]


def test_a_frame_taken_in_time_was_not_displaced(frame_queue, put):
    for seq in range(3):
        assert not put("a", seq)
        assert keys(frame_queue.take()) == [("a", seq)]


def test_a_frame_to_be_explained_again_takes_a_free_slot_only(frame_queue, put, make_frame):
    again = replace(make_frame(seq=0), revision=1)
    assert frame_queue.requeue("a", again)
    assert not frame_queue.requeue("a", replace(again, revision=2))
    assert not put("a", 1), "what was explained once is not lost"
    assert not frame_queue.requeue("a", again)
    assert keys(frame_queue.take()) == [("a", 1)]


def test_no_more_are_taken_than_requested(frame_queue, put):
    for key in "abc":
        put(key)
    assert keys(frame_queue.take(2)) == [("a", 0), ("b", 0)]
    assert keys(frame_queue.take(2)) == [("c", 0)], "it does not wait until there are as many as requested"


def test_a_single_frame_is_taken_by_default(frame_queue, put):
    for key in "abc":
        put(key)
    assert [keys(frame_queue.take()) for _ in "abc"] == [[("a", 0)], [("b", 0)], [("c", 0)]]


def test_a_feed_whose_frame_is_displaced_keeps_its_place(frame_queue, put):
    put("a")
    put("b")
    put("a", 1)
    assert keys(frame_queue.take(2)) == [("a", 1), ("b", 0)]


def test_a_feed_that_was_served_moves_to_the_end(frame_queue, put):
    put("a")
    put("b")
    frame_queue.take()
    put("a", 1)
    assert keys(frame_queue.take(2)) == [("b", 0), ("a", 1)]


def test_a_feed_that_sends_more_is_not_served_more_often(frame_queue, put):
    served = []
    for key in "bc":
        put(key)
    for turn in range(30):
        for seq in range(10):
            put("a", seq)
        ((key, _),) = frame_queue.take()
        served.append(key)
        if key != "a":
            put(key, turn)
    assert {key: served.count(key) for key in "abc"} == {"a": 10, "b": 10, "c": 10}


def test_a_frame_is_taken_only_once(frame_queue, put, take_in_thread):
    put("a")
    assert keys(frame_queue.take()) == [("a", 0)]
    thread, taken = take_in_thread()
    thread.join(0.05)
    assert taken == []
    put("a", 1)
    thread.join(30.0)
    assert taken == [[("a", 1)]]


def test_a_feed_that_was_removed_is_not_served(frame_queue, put):
    for key in "abc":
        put(key)
    assert frame_queue.remove("b")
    assert keys(frame_queue.take(2)) == [("a", 0), ("c", 0)]


def test_fewer_than_a_batch_are_taken_one_by_one(frame_queue, put):
    put("a")
    put("b")
    assert keys(frame_queue.take(3)) == [("a", 0)]
    put("b", 1)
    assert keys(frame_queue.take(3)) == [("b", 1)]


def test_a_feed_without_a_frame_can_be_removed(frame_queue, put):
    assert not frame_queue.remove("a")
    put("b")
    assert keys(frame_queue.take(3)) == [("b", 0)]


def test_a_listener_is_called_when_a_frame_of_its_feed_is_taken_until_that_is_removed(frame_queue, put):
    taken = []
    frame_queue.on_taken("a", lambda: taken.append("a"))
    put("b")
    frame_queue.take()
    assert taken == []
    put("a")
    frame_queue.take()
    assert taken == ["a"]
    frame_queue.remove("a")
    put("a")
    frame_queue.take()
    assert taken == ["a"]


def test_closing_ends_the_wait_with_nothing(frame_queue, take_in_thread):
    thread, taken = take_in_thread()
    thread.join(0.02)
    frame_queue.close()
    thread.join(30.0)
    assert taken == [[]]


def test_after_closing_nothing_is_taken(frame_queue, put):
    put("a")
    frame_queue.close()
    assert frame_queue.take() == []
    put("a", 1)
    assert frame_queue.take(3) == []


def test_tasks_and_frames_alternate(frame_queue, put):
    futures = [frame_queue.submit(lambda explainer, n=n: (explainer, n)) for n in range(2)]
    put("a")
    put("b")
    order = []
    for _ in range(4):
        taken = frame_queue.take()
        if isinstance(taken, Task):
            taken.run("explainer")  # type: ignore[arg-type]
            order.append("task")
        else:
            order += keys(taken)
    assert order in (["task", ("a", 0), "task", ("b", 0)], [("a", 0), "task", ("b", 0), "task"])
    assert [future.result(0) for future in futures] == [("explainer", 0), ("explainer", 1)]


def test_a_task_that_fails_fails_its_own_future(frame_queue):
    future = frame_queue.submit(lambda explainer: 1 / 0)
    frame_queue.take().run(None)
    with pytest.raises(ZeroDivisionError):
        future.result(0)


def test_tasks_are_cancelled_when_too_many_wait_or_the_queue_is_closed(frame_queue):
    futures = [frame_queue.submit(lambda explainer: None) for _ in range(100)]
    waiting = [future for future in futures if not future.cancelled()]
    assert 0 < len(waiting) < 50
    frame_queue.close()
    assert all(future.cancelled() for future in futures)
    assert frame_queue.submit(lambda explainer: None).cancelled()


def test_a_wait_ends_after_its_timeout(frame_queue):
    assert frame_queue.take(timeout_s=0.01) == []
