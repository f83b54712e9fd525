import numpy as np
import pytest

from live_cam.pipeline.controls import Controls
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.statistics import Statistics


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def feed(inbox):
    return Feed("a", "demo", Controls(), inbox, Statistics())


@pytest.fixture
def offer(feed, make_frame):
    """Offers a frame of one brightness: `offer(level)` tells whether it was laid out."""
    return lambda level: feed.offer(make_frame(np.full((48, 64, 3), level, np.uint8)), None)


def taken(inbox):
    """The brightness of the frames that wait."""
    return [int(frame.rgb[0, 0, 0]) for _, frame in inbox.take(timeout_s=0)]


def test_a_change_of_the_controls_has_the_last_picture_explained_again(inbox, feed, offer):
    offer(100)
    first = inbox.take()[0][1]
    feed.controls.change(opacity=0.2)
    again = inbox.take(timeout_s=0)[0][1]
    assert again.rgb is first.rgb
    assert again.seq not in (first.seq, -1), "viewers are shown it as another picture"
    assert feed.next_seq == first.seq + 1, "a visitor's next picture has its own number"
    feed.controls.change(opacity=0.2)
    assert taken(inbox) == [], "nothing has changed"


def test_a_newer_picture_that_waits_already_is_not_replaced_by_the_last_one(inbox, feed, offer):
    offer(100)
    inbox.take()
    offer(150)
    feed.controls.change(opacity=0.2)
    assert taken(inbox) == [150]


def test_a_newer_picture_takes_the_place_of_the_last_one_and_nothing_counts_as_dropped(inbox, feed, offer):
    offer(100)
    inbox.take()
    feed.controls.change(opacity=0.2)
    offer(150)
    assert taken(inbox) == [150]
    readings = feed.statistics.read()
    assert (readings.captured, readings.dropped) == (2, 0)


def test_while_frozen_no_picture_is_laid_out_but_questions_go_on(inbox, feed, offer):
    offer(100)
    inbox.take()
    feed.controls.change(frozen=True)
    assert taken(inbox) == [100]
    assert not offer(150)
    assert taken(inbox) == []
    assert feed.status.state == "live", "the camera is watched all the same"
    for target in (285, 291):
        feed.controls.change(target=target)
        assert taken(inbox) == [100]
    feed.controls.change(frozen=False)
    assert offer(200)
    assert taken(inbox) == [200]
    readings = feed.statistics.read()
    assert (readings.captured, readings.dropped) == (3, 1)


def test_before_the_first_picture_a_change_asks_for_nothing(inbox, feed):
    feed.controls.change(opacity=0.2)
    assert taken(inbox) == []


def test_a_stopped_source_answers_further_questions(inbox, feed, offer):
    offer(100)
    inbox.take()
    feed.controls.change(running=False)
    inbox.take(timeout_s=0)
    feed.controls.change(style="spotlight")
    assert taken(inbox) == [100]


def test_a_feed_that_was_closed_hears_of_no_change_any_more(inbox, feed, offer):
    offer(100)
    feed.close()
    feed.controls.change(opacity=0.2)
    assert taken(inbox) == []


def test_a_feed_that_is_frozen_before_its_first_picture_shows_one(inbox, feed, offer):
    feed.controls.change(frozen=True)
    assert offer(100)
    assert taken(inbox) == [100]
    assert not offer(150)
    feed.controls.change(target=285)
    assert taken(inbox) == [100]
