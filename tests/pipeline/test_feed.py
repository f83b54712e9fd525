from dataclasses import replace

import numpy as np
import pytest

from live_cam.pipeline.feed import Feed
from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.types import EncodedFrame, OverlayStyle


@pytest.fixture
def frame_queue():
    return FrameQueue()


@pytest.fixture
def feed(frame_queue):
    return Feed("a", "demo", SettingsStore(), frame_queue, Metrics())


@pytest.fixture
def offer(feed, make_frame):
    """Offers a frame of one brightness: `offer(level, seq=None)` returns it as it was queued, or None."""
    return lambda level, seq=None: feed.offer(make_frame(np.full((48, 64, 3), level, np.uint8)), None, seq)


@pytest.fixture
def publish(feed, make_explanation):
    """Publishes an overlay: `publish(frame)`."""

    def publish(frame):
        feed.publish(EncodedFrame(b"", frame, make_explanation(), OverlayStyle()), frame.rgb)

    return publish


def counts(feed):
    """Returns the numbers of captured, explained and dropped frames."""
    snapshot = feed.metrics.read()
    return snapshot.captured, snapshot.explained, snapshot.dropped


def take_one(frame_queue):
    """Takes a frame that must be waiting."""
    ((_, frame),) = frame_queue.take(timeout_s=0)
    return frame


def taken(frame_queue):
    """Takes the frames that wait, and returns their brightness."""
    return [int(frame.rgb[0, 0, 0]) for _, frame in frame_queue.take(timeout_s=0)]


def test_a_change_of_settings_has_the_last_frame_explained_again(frame_queue, feed, offer):
    offer(100)
    first = frame_queue.take()[0][1]
    feed.settings.change(opacity=0.2)
    again = frame_queue.take(timeout_s=0)[0][1]
    assert again.rgb is first.rgb
    assert (again.seq, again.revision) == (first.seq, 1), "viewers receive it as another overlay"
    assert feed.next_seq == first.seq + 1, "revisions do not use up numbers"
    feed.settings.change(opacity=0.2)
    assert taken(frame_queue) == [], "nothing has changed"


def test_a_newer_frame_that_waits_is_not_displaced_by_the_last_one(frame_queue, feed, offer):
    offer(100)
    frame_queue.take()
    offer(150)
    feed.settings.change(opacity=0.2)
    assert taken(frame_queue) == [150]


def test_a_newer_frame_displaces_a_revision_without_counting_as_dropped(frame_queue, feed, offer):
    offer(100)
    frame_queue.take()
    feed.settings.change(opacity=0.2)
    offer(150)
    assert taken(frame_queue) == [150]
    assert counts(feed) == (2, 0, 0)


def test_while_frozen_no_frame_is_queued_but_settings_can_be_changed(frame_queue, feed, offer):
    offer(100)
    frame_queue.take()
    feed.settings.change(frozen=True)
    assert taken(frame_queue) == [100]
    assert not offer(150)
    assert taken(frame_queue) == []
    assert feed.status.state == "live", "the camera is still watched"
    for target in (285, 291):
        feed.settings.change(target=target)
        assert taken(frame_queue) == [100]
    feed.settings.change(frozen=False)
    assert offer(200)
    assert taken(frame_queue) == [200]
    assert counts(feed) == (3, 0, 1)


def test_before_the_first_frame_a_change_queues_nothing(frame_queue, feed):
    feed.settings.change(opacity=0.2)
    assert taken(frame_queue) == []


def test_the_last_frame_of_a_stopped_source_is_explained_again(frame_queue, feed, offer):
    offer(100)
    frame_queue.take()
    feed.settings.change(running=False)
    frame_queue.take(timeout_s=0)
    feed.settings.change(style="spotlight")
    assert taken(frame_queue) == [100]


def test_a_closed_feed_ignores_changes_of_settings(frame_queue, feed, offer):
    offer(100)
    feed.close()
    feed.settings.change(opacity=0.2)
    assert taken(frame_queue) == []


def test_a_feed_that_is_frozen_before_its_first_frame_shows_one(frame_queue, feed, offer):
    feed.settings.change(frozen=True)
    assert offer(100)
    assert taken(frame_queue) == [100]
    assert not offer(150)
    feed.settings.change(target=285)
    assert taken(frame_queue) == [100]


def test_frames_are_numbered_by_the_feed_and_named_after_it(frame_queue, feed, make_frame):
    for _ in range(2):
        queued = feed.offer(replace(make_frame(), seq=77, source_id="another"), None)
    assert take_one(frame_queue) is queued
    assert (queued.seq, queued.source_id, queued.revision) == (1, "a", 0)


def test_overtaken_frames_of_a_client_that_counts_are_rejected_and_not_counted(frame_queue, feed, offer):
    assert offer(100, seq=4).seq == 4
    assert offer(150, seq=3) is None
    assert offer(150, seq=4) is None, "it has arrived already"
    assert taken(frame_queue) == [100]
    assert offer(200, seq=9).seq == 9
    assert feed.next_seq == 10
    assert offer(210).seq == 10
    assert counts(feed) == (3, 0, 1)


def test_every_frame_is_counted_once_however_often_it_is_explained(frame_queue, feed, offer, publish):
    for level in (100, 150):  # the second is new while the first is being explained
        offer(level)
    first = take_one(frame_queue)
    publish(first)
    assert counts(feed) == (2, 1, 1)
    for opacity in (0.1, 0.2):
        feed.settings.change(opacity=opacity)
        again = take_one(frame_queue)
        publish(again)
    assert again.revision == 2
    assert counts(feed) == (2, 1, 1)


def test_a_frame_that_fails_is_dropped_and_stays_so_when_it_is_explained_again(frame_queue, feed, offer, publish):
    offer(100)
    assert feed.fail(take_one(frame_queue), "out of memory")
    assert counts(feed) == (1, 0, 1)
    assert (feed.failure, feed.status.state) == ("out of memory", "lost")

    feed.settings.change(opacity=0.1)
    again = take_one(frame_queue)
    assert not feed.fail(again, "out of memory"), "the frame before failed, too"
    assert counts(feed) == (1, 0, 1)

    feed.settings.change(opacity=0.2)
    publish(take_one(frame_queue))
    assert (feed.failure, feed.status.state) == ("", "live")
    assert counts(feed) == (1, 0, 1)

    offer(150)
    publish(take_one(frame_queue))
    assert counts(feed) == (2, 1, 1)


def test_an_explained_frame_whose_revision_fails_stays_explained(frame_queue, feed, offer, publish):
    offer(100)
    publish(take_one(frame_queue))
    feed.settings.change(opacity=0.1)
    assert feed.fail(take_one(frame_queue), "out of memory")
    assert counts(feed) == (1, 1, 0)


def test_a_frame_that_waits_when_the_feed_is_closed_is_dropped(feed, offer):
    offer(100)
    feed.close()
    assert counts(feed) == (1, 0, 1)
