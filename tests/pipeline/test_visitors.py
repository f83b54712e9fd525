import gc
import weakref

import numpy as np
import pytest

from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.visitors import Visitors


@pytest.fixture
def frame_queue():
    return FrameQueue()


@pytest.fixture
def total():
    return Metrics()


@pytest.fixture
def visitors(frame_queue, total):
    """Room for two."""
    return Visitors(2, frame_queue, total, SettingsStore)


def test_each_visitor_gets_a_feed_of_their_own_and_is_found_by_the_client_id(visitors):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    assert anna is not berta
    assert anna.broadcaster is not berta.broadcaster
    assert anna.settings is not berta.settings
    assert visitors.find("anna") is anna
    assert visitors.find("berta") is berta
    assert visitors.feeds == [anna, berta]


def test_nobody_is_found_by_another_id(visitors):
    visitors.join("anna")
    assert [visitors.find(client_id) for client_id in ("", "ann", "ANNA", "visitor 1")] == [None] * 4


def test_frames_of_visitors_are_distinguished_although_their_cameras_have_the_same_name(
    visitors, frame_queue, make_frame
):
    for client_id in ("anna", "berta"):
        assert visitors.join(client_id).offer(make_frame(), None)
    (anna, one), (berta, other) = frame_queue.take(2)
    assert anna.name == berta.name
    assert one.source_id != other.source_id
    assert not {"anna", "berta"} & {one.source_id, other.source_id}, "client ids are secret"


def test_there_is_room_for_max_visitors_and_for_another_when_one_has_left(visitors):
    anna = visitors.join("anna")
    berta = visitors.join("berta")
    assert visitors.join("clara") is None
    assert visitors.find("clara") is None
    visitors.leave(anna)
    clara = visitors.join("clara")
    assert visitors.feeds == [berta, clara]


def test_a_visitor_who_joins_again_takes_over_even_when_there_is_no_room(visitors):
    earlier, _ = visitors.join("anna"), visitors.join("berta")
    later = visitors.join("anna")
    assert later is not None
    assert later is not earlier
    assert visitors.find("anna") is later
    assert earlier.broadcaster.closed, "the earlier page is disconnected"
    assert not later.broadcaster.closed
    assert len(visitors.feeds) == 2


def test_an_earlier_page_that_leaves_does_not_disconnect_its_successor(visitors):
    earlier = visitors.join("anna")
    later = visitors.join("anna")
    visitors.leave(earlier)
    assert visitors.find("anna") is later
    assert not later.broadcaster.closed


def test_after_leaving_nothing_is_explained(visitors, frame_queue, make_frame):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    anna.offer(make_frame(), None)
    berta.offer(make_frame(), None)
    visitors.leave(anna)
    assert [feed for feed, _ in frame_queue.take(2)] == [berta]
    assert anna.broadcaster.closed
    assert visitors.find("anna") is None


def test_a_visitor_who_comes_back_has_the_same_settings(visitors):
    visitors.settings("anna").change(opacity=0.25)
    feed = visitors.join("anna")
    assert feed.settings.current.opacity == 0.25, "the page may change them before the visitor joins"
    feed.settings.change(colormap="jet")
    visitors.leave(feed)
    assert visitors.join("anna").settings.current.colormap == "jet"
    assert visitors.join("berta").settings.current.colormap != "jet"


def test_stopping_a_camera_does_not_stop_another(visitors, make_frame):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    anna.settings.change(running=False)
    assert not anna.offer(make_frame(), None)
    assert berta.offer(make_frame(), None)


def test_settings_of_visitors_who_left_long_ago_are_dropped(visitors):
    kept = [weakref.ref(visitors.settings(f"client {number}")) for number in range(2000)]
    gc.collect()
    assert sum(reference() is not None for reference in kept) <= 300
    assert kept[-1]() is visitors.settings("client 1999")


def test_settings_of_a_present_visitor_are_kept_however_many_others_join(visitors):
    anna = visitors.join("anna")
    for number in range(2000):
        visitors.settings(f"client {number}")
    assert visitors.settings("anna") is anna.settings


def test_only_visitors_with_frames_are_live(visitors, make_frame):
    anna, _ = visitors.join("anna"), visitors.join("berta")
    assert visitors.num_live == 0
    anna.offer(make_frame(), None)
    assert visitors.num_live == 1
    anna.offer(make_frame(np.zeros((48, 64, 3), np.uint8)), None)
    visitors.leave(anna)
    assert visitors.num_live == 0


def test_frames_of_visitors_stay_in_the_total_after_they_left(visitors, total, make_frame):
    for client_id in ("anna", "berta"):
        feed = visitors.join(client_id)
        feed.offer(make_frame(), None)
        feed.offer(make_frame(), None)
        visitors.leave(feed)
    assert (total.read().captured, total.read().dropped) == (4, 4)
