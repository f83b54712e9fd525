import gc
import weakref

import numpy as np
import pytest

from live_cam.pipeline.controls import Controls
from live_cam.pipeline.inbox import Inbox
from live_cam.pipeline.statistics import Statistics
from live_cam.pipeline.visitors import Visitors


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def total():
    return Statistics()


@pytest.fixture
def visitors(inbox, total):
    """Room for two."""
    return Visitors(2, inbox, total, Controls)


def test_each_visitor_gets_a_feed_of_their_own_and_is_found_by_the_key(visitors):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    assert anna is not berta
    assert anna.hub is not berta.hub
    assert anna.controls is not berta.controls
    assert visitors.find("anna") is anna
    assert visitors.find("berta") is berta
    assert visitors.feeds == [anna, berta]


def test_nobody_is_found_by_another_key(visitors):
    visitors.join("anna")
    assert [visitors.find(key) for key in ("", "ann", "ANNA", "visitor 1")] == [None] * 4


def test_frames_of_visitors_are_told_apart_although_their_cameras_are_called_the_same(visitors, inbox, make_frame):
    for key in ("anna", "berta"):
        assert visitors.join(key).offer(make_frame(), None)
    (anna, one), (berta, other) = inbox.take(2)
    assert anna.name == berta.name
    assert one.source_id != other.source_id
    assert not {"anna", "berta"} & {one.source_id, other.source_id}, "a key is nobody else's business"


def test_there_is_room_for_as_many_as_may_be_and_for_another_when_one_has_left(visitors):
    anna = visitors.join("anna")
    berta = visitors.join("berta")
    assert visitors.join("clara") is None
    assert visitors.find("clara") is None
    visitors.leave(anna)
    clara = visitors.join("clara")
    assert visitors.feeds == [berta, clara]


def test_a_visitor_who_comes_again_takes_over_even_when_all_places_are_taken(visitors):
    earlier, _ = visitors.join("anna"), visitors.join("berta")
    later = visitors.join("anna")
    assert later is not None
    assert later is not earlier
    assert visitors.find("anna") is later
    assert earlier.hub.closed, "the page that was taken over ends"
    assert not later.hub.closed
    assert len(visitors.feeds) == 2


def test_a_page_that_was_taken_over_and_leaves_then_does_not_send_its_successor_away(visitors):
    earlier = visitors.join("anna")
    later = visitors.join("anna")
    visitors.leave(earlier)
    assert visitors.find("anna") is later
    assert not later.hub.closed


def test_who_leaves_is_served_no_more(visitors, inbox, make_frame):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    anna.offer(make_frame(), None)
    berta.offer(make_frame(), None)
    visitors.leave(anna)
    assert [feed for feed, _ in inbox.take(2)] == [berta]
    assert anna.hub.closed
    assert visitors.find("anna") is None


def test_a_visitor_who_comes_back_finds_the_controls_as_they_were(visitors):
    visitors.controls("anna").change(opacity=0.25)
    feed = visitors.join("anna")
    assert feed.controls.settings.opacity == 0.25, "the page may turn them before the visit"
    feed.controls.change(colormap="jet")
    visitors.leave(feed)
    assert visitors.join("anna").controls.settings.colormap == "jet"
    assert visitors.join("berta").controls.settings.colormap != "jet"


def test_stopping_ones_own_camera_stops_nobody_elses(visitors, make_frame):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    anna.controls.change(running=False)
    assert not anna.offer(make_frame(), None)
    assert berta.offer(make_frame(), None)


def test_controls_of_visitors_who_left_long_ago_are_forgotten(visitors):
    kept = [weakref.ref(visitors.controls(f"key {number}")) for number in range(2000)]
    gc.collect()
    assert sum(reference() is not None for reference in kept) <= 300
    assert kept[-1]() is visitors.controls("key 1999")


def test_a_visitor_who_is_here_keeps_the_controls_however_many_others_come(visitors):
    anna = visitors.join("anna")
    for number in range(2000):
        visitors.controls(f"key {number}")
    assert visitors.controls("anna") is anna.controls


def test_only_visitors_with_a_picture_count_as_showing(visitors, make_frame):
    anna, _ = visitors.join("anna"), visitors.join("berta")
    assert visitors.showing == 0
    anna.offer(make_frame(), None)
    assert visitors.showing == 1
    anna.offer(make_frame(np.zeros((48, 64, 3), np.uint8)), None)
    visitors.leave(anna)
    assert visitors.showing == 0


def test_what_visitors_send_is_counted_in_the_total_after_they_left_too(visitors, total, make_frame):
    for key in ("anna", "berta"):
        feed = visitors.join(key)
        feed.offer(make_frame(), None)
        feed.offer(make_frame(), None)
        visitors.leave(feed)
    assert (total.read().captured, total.read().dropped) == (4, 4)
