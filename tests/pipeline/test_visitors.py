import gc
import weakref

import numpy as np
import pytest

from live_cam.pipeline.frame_queue import FrameQueue
from live_cam.pipeline.metrics import Metrics
from live_cam.pipeline.settings import SettingsStore
from live_cam.pipeline.visitors import Visitors
from tests.clocks import FakeClock


@pytest.fixture
def frame_queue():
    return FrameQueue()


@pytest.fixture
def total():
    return Metrics()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def room_for(frame_queue, total, clock):
    """Visitors with as many places: `room_for(8)`."""
    return lambda max_visitors: Visitors(max_visitors, frame_queue, total, SettingsStore, clock)


@pytest.fixture
def visitors(room_for):
    """Room for two."""
    return room_for(2)


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


def test_a_place_without_images_for_10_s_goes_to_whoever_asks_next(visitors, clock):
    anna, silent = visitors.join("anna"), visitors.join("silent")
    clock.advance(10)
    visitors.note_image(anna)
    assert visitors.join("clara") is None, "10 s are not over"
    clock.advance(0.1)
    assert visitors.join("clara") is not None
    assert silent.broadcaster.closed
    assert "No image of your camera came for 10 s" in visitors.dismissal(silent)
    assert visitors.find("anna") is anna
    assert visitors.dismissal(anna) == ""
    assert visitors.join("dora") is None
    assert "All 2 places are taken" in visitors.refusal("dora")


def test_who_sends_no_images_stays_while_nobody_waits(visitors, clock):
    silent = visitors.join("silent")
    clock.advance(1000)
    visitors.join("anna")
    assert visitors.find("silent") is silent


def test_the_place_that_was_idle_longest_goes_first(visitors, clock):
    anna, berta = visitors.join("anna"), visitors.join("berta")
    clock.advance(11)
    visitors.note_image(anna)
    clock.advance(11)
    visitors.join("clara")
    assert visitors.feeds[0] is anna
    assert visitors.dismissal(berta)


def test_joining_again_without_sending_images_keeps_no_place(visitors, clock):
    visitors.join("anna")
    for _ in range(3):
        clock.advance(6)
        visitors.join("silent")
        visitors.note_image(visitors.find("anna"))
    assert visitors.join("clara") is not None
    assert visitors.find("silent") is None


def test_an_address_with_more_than_half_of_the_places_yields_them_to_another(room_for):
    visitors = room_for(8)
    crowd = [visitors.join(f"crowd {number}", "10.0.0.1") for number in range(8)]
    assert visitors.join("one more", "10.0.0.1") is None, "nobody of another address waits"
    others = [visitors.join(f"other {number}", "10.0.0.2") for number in range(6)]
    assert [feed is not None for feed in others] == [True] * 4 + [False] * 2
    assert visitors.feeds == crowd[:4] + others[:4], "the newest go"
    assert "8 of 8 places" in visitors.dismissal(crowd[-1])
    assert visitors.join("one more", "10.0.0.1") is None
    assert visitors.join("third", "10.0.0.3") is None, "half is allowed"


@pytest.mark.parametrize("max_visitors", [1, 2, 3, 5])
def test_two_addresses_do_not_take_places_from_each_other_in_turn(room_for, max_visitors):
    visitors = room_for(max_visitors)
    for number in range(max_visitors):
        visitors.join(f"anna {number}", "10.0.0.1")
    for number in range(20):
        for address in ("10.0.0.2", "10.0.0.1"):
            visitors.join(f"{address} {number}", address)
    settled = visitors.feeds
    for address in ("10.0.0.1", "10.0.0.2"):
        assert visitors.join(f"late {address}", address) is None
    assert visitors.feeds == settled


def test_a_single_place_is_not_taken_from_its_visitor(room_for):
    visitors = room_for(1)
    anna = visitors.join("anna", "10.0.0.1")
    assert visitors.join("berta", "10.0.0.2") is None
    assert visitors.feeds == [anna]


def test_a_suspended_visitor_waits_twice_as_long_each_time(visitors, clock):
    for wait_s in (10, 20, 40, 80, 160, 320, 320):
        feed = visitors.join("mallory")
        visitors.suspend(feed, "an image was huge")
        assert feed.broadcaster.closed
        assert visitors.dismissal(feed) == f"An image was huge (next try in {wait_s} s)"
        clock.advance(wait_s - 0.5)
        assert visitors.join("mallory") is None
        assert visitors.refusal("mallory") == "An image was huge (next try in 1 s)"
        clock.advance(0.5)
    assert visitors.join("mallory") is not None


def test_a_suspended_visitor_s_place_is_free_for_another(visitors):
    visitors.join("anna")
    visitors.suspend(visitors.join("mallory"), "an image was huge")
    assert visitors.join("berta") is not None


def test_only_the_last_suspensions_are_remembered(visitors):
    for number in range(2000):
        visitors.suspend(visitors.join(f"client {number}"), "an image was huge")
    assert visitors.join("client 1999") is None
    assert visitors.join("client 0") is not None
    assert len(visitors._suspensions) <= 300
