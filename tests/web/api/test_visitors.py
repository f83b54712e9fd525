"""Visitors, who send frames of their own cameras over the socket or by POST."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import signal
import struct
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.clocks import ShiftedClock
from tests.conftest import FakeExplainer
from tests.jpegs import with_declared_size, with_scans
from tests.web.sites import Site
from tests.web.viewers import VisitorPage, assert_closed, receive, size_of, visitor_message, watch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photograph(gradio_media):
    """Encodes a photograph as JPEG: `photograph((320, 240), name="lion.jpg")`."""

    @functools.cache
    def encode(size_px, name="lion.jpg"):
        data = io.BytesIO()
        with Image.open(gradio_media / "images" / name) as image:
            image.convert("RGB").resize(size_px).save(data, "JPEG")
        return data.getvalue()

    return encode


@pytest.fixture
def visit(visitors, photograph):
    """Visits the site: `visit("anna", size_px=(320, 240), name="lion.jpg")`; all leave when the test ends."""
    pages = []

    def start(client_id, size_px=(320, 240), name="lion.jpg", site=visitors, **options):
        pages.append(VisitorPage(site, client_id, photograph(size_px, name), **options))
        return pages[-1]

    yield start
    for page in pages:
        page.leave()


def test_health_needs_no_visitor_and_reports_one_whose_frames_fail(visitors, make_frame, eventually):
    eventually(lambda: visitors.http.get("healthz").status_code == 200)
    visitors.explainer.failure = RuntimeError("out of\nmemory")
    feed = visitors.session.visitors.join("anna's secret")
    feed.offer(make_frame(), None)
    eventually(lambda: feed.failure)
    response = visitors.http.get("healthz")
    visitors.session.visitors.leave(feed)
    assert (response.status_code, response.text) == (503, "Explaining failed: out of memory")


def test_a_visitor_receives_their_own_frames_with_their_description(visitors, visit, eventually):
    page = visit("anna")
    eventually(lambda: len(page.received) >= 5)
    assert set(page.received) == {(320, 240)}
    assert page.requested[:3] == [0, 1, 2]
    header = next(state for state in page.states if "seq" in state)
    assert (header["state"], header["target"]["label"]) == ("live", "lion")
    eventually(lambda: page.states[-1].get("display_latency_ms") == 12.0)
    assert visitors.http.get("stats").json()["display_latency_ms"]["p50"] == 12.0


def test_two_visitors_receive_only_their_own_frames(visit, eventually):
    anna, berta = visit("anna"), visit("berta", (200, 300), "cheetah.jpg")
    eventually(lambda: min(len(anna.received), len(berta.received)) >= 20)
    assert set(anna.received) == {(320, 240)}
    assert set(berta.received) == {(200, 300)}


def test_frames_of_a_visitor_are_returned_only_for_their_client_id(visitors, visit, eventually):
    page = visit("anna")
    eventually(lambda: page.received)
    for route in ("snapshot.jpg", "snapshot", "frame.jpg", "stream.mjpg"):
        for query in ("", "?visitor=", "?visitor=berta", "?feed=0", "?visitor=visitor%201"):
            response = visitors.http.get(f"{route}{query}")
            assert response.status_code == 404, route + query
            assert b"\xff\xd8" not in response.content
    for route in ("snapshot.jpg", "frame.jpg"):
        assert size_of(visitors.http.get(f"{route}?visitor=anna").content) == (320, 240)
    assert visitors.http.get("snapshot?visitor=anna").headers["Content-Type"] == "application/zip"
    stats = visitors.http.get("stats").json()
    assert (stats["top"], stats["target"], stats["sources"]) == ([], None, [])
    assert "anna" not in json.dumps(stats)
    page.leave()
    eventually(lambda: visitors.http.get("snapshot.jpg?visitor=anna").status_code == 404)


@pytest.mark.parametrize("client_id", ["", "x" * 65])
def test_a_visitor_without_a_valid_client_id_is_refused(visitors, client_id):
    # Refused before or after the handshake.
    with contextlib.suppress(InvalidStatus), watch(visitors, f"?visitor={client_id}") as viewer:
        assert_closed(viewer)
    assert visitors.session.visitors.feeds == []
    assert visitors.http.get(f"snapshot.jpg?visitor={client_id}").status_code in (404, 422)


def test_a_visitor_is_refused_while_all_places_are_taken_and_let_in_when_one_is_free(visitors, visit, eventually):
    first, *_ = pages = [visit(client_id) for client_id in ("anna", "berta", "carla")]
    eventually(lambda: all(page.received for page in pages))
    refused = visit("dora")
    eventually(lambda: refused.close_code is not None)
    assert refused.close_code == 1013
    assert "places are taken" in refused.states[-1]["message"]
    assert refused.requested == []
    before = len(first.received)
    eventually(lambda: len(first.received) > before + 3)
    first.leave()
    eventually(lambda: len(visitors.session.visitors.feeds) == 2)
    again = visit("dora")
    eventually(lambda: again.received)


def test_a_reloaded_page_takes_over(visit, eventually):
    earlier = visit("anna")
    eventually(lambda: earlier.received)
    later = visit("anna", (200, 300))
    eventually(lambda: len(later.received) >= 3 and earlier.close_code is not None)
    assert set(later.received) == {(200, 300)}
    assert set(earlier.received) == {(320, 240)}


def test_visitors_are_served_evenly_though_one_sends_frames_that_were_not_requested(visitors, visit, eventually):
    visitors.explainer.delay_s = 0.02
    greedy, *_ = pages = [visit(client_id) for client_id in ("greedy", "anna", "berta")]
    over = threading.Event()

    def pester():
        with contextlib.suppress(ConnectionClosed):
            while not over.wait(0.005):
                newest = greedy.requested[-1] if greedy.requested else 0
                for seq in (newest, newest + 1):
                    greedy.socket.send(greedy.message(seq))

    pesterer = threading.Thread(target=pester, daemon=True)
    eventually(lambda: all(page.received for page in pages))
    pesterer.start()
    start = [len(page.received) for page in pages]
    eventually(lambda: max(len(page.received) - n for page, n in zip(pages, start, strict=True)) >= 30)
    counts = [len(page.received) - n for page, n in zip(pages, start, strict=True)]
    over.set()
    pesterer.join(10)
    assert min(counts) > 0.6 * max(counts), counts


def truncated(seq, jpeg):
    return visitor_message(seq, jpeg[: len(jpeg) // 2])


UNUSABLE = {
    "not JPEG": lambda seq, jpeg: visitor_message(seq, b"GIF89a" + bytes(1000)),
    "empty": lambda seq, jpeg: visitor_message(seq, b""),
    "truncated": truncated,
    "never requested": lambda seq, jpeg: visitor_message(seq + 1000, jpeg),
}
BEYOND_A_LIMIT = {
    "6000 scans": lambda jpeg: with_scans(6000),
    "60000x60000": lambda jpeg: with_declared_size(jpeg, 60_000, 60_000),
}
INVALID = {
    "3 MB": lambda seq, jpeg: visitor_message(seq, bytes(3_000_000)),
    "too short": lambda seq, jpeg: b"\x01",
    "length beyond the end": lambda seq, jpeg: b"\xff\xff\xff\xff" + jpeg,
    "another key": lambda seq, jpeg: struct.pack("<I", 13) + b'{"request":1}' + jpeg,
    "deep": lambda seq, jpeg: struct.pack("<I", 100_000) + b"[" * 100_000,
}


@pytest.mark.parametrize("upload", UNUSABLE)
def test_an_unusable_frame_is_skipped_and_no_other_visitor_affected(visit, eventually, upload):
    good, bad = visit("anna"), visit("mallory", (200, 300))
    bad.upload = lambda seq: UNUSABLE[upload](seq, bad.jpeg)
    eventually(lambda: good.received and bad.requested)
    requested, received, before = len(bad.requested), len(bad.received), len(good.received)
    eventually(lambda: len(bad.requested) >= requested + 4 and len(good.received) > before + 5)
    assert len(bad.received) <= received + 2, "two may have been in flight"
    received = len(bad.received)
    bad.upload = None
    eventually(lambda: len(bad.received) > received)
    assert bad.close_code is None


def test_a_visitor_whose_images_are_all_unusable_is_not_asked_without_pause(
    visit, serve_session, fake_explainer, eventually
):
    site = serve_session([], fake_explainer(), max_visitors=1)
    begin_s = time.monotonic()
    # From the first: after a frame that was explained, the interval is that of the explainer.
    bad = visit("mallory", site=site, upload=lambda seq: UNUSABLE["not JPEG"](seq, b""))
    eventually(lambda: len(bad.requested) > 20)
    assert time.monotonic() - begin_s > 0.9 * 20 * 0.05


@pytest.fixture(scope="module")
def clock():
    return ShiftedClock()


@pytest.fixture(scope="module")
def shared_four_places(clock, tmp_path_factory):
    site = Site([], FakeExplainer(), tmp_path_factory.mktemp("recordings"), max_visitors=4, clock=clock)
    yield site
    site.stop()


@pytest.fixture
def four_places(shared_four_places):
    """A site for four visitors at a time, whose time the test sets forward; nobody is there or has to wait."""
    visitors = shared_four_places.session.visitors
    for feed in visitors.feeds:
        visitors.leave(feed)
    visitors._suspensions.clear()
    return shared_four_places


@pytest.mark.parametrize("what", BEYOND_A_LIMIT)
def test_a_visitor_whose_image_breaks_a_limit_is_told_and_waits_and_no_other(
    four_places, visit, eventually, clock, what
):
    good, bad = (visit(client_id, site=four_places) for client_id in ("anna", "mallory"))
    eventually(lambda: good.received and bad.received)
    bad.upload = lambda seq: visitor_message(seq, BEYOND_A_LIMIT[what](bad.jpeg))
    eventually(lambda: bad.close_code is not None)
    assert bad.close_code in (1013, 1006), "who still sends may be cut off before the reason has come"
    refused = visit("mallory", site=four_places)
    eventually(lambda: refused.close_code is not None)
    assert (refused.close_code, refused.requested, refused.received) == (1013, [], [])
    assert what in refused.states[-1]["message"]
    assert "next try in" in refused.states[-1]["message"]
    before = len(good.received)
    eventually(lambda: len(good.received) > before + 5)
    clock.advance(10)
    again = visit("mallory", site=four_places)
    eventually(lambda: again.received)


def test_slow_images_of_all_other_visitors_stop_nobody(four_places, visit, eventually, monkeypatch):
    # As if the scans were not counted.
    monkeypatch.setattr("live_cam.sources.decode.jpeg_decoders.check_jpeg", lambda data, max_pixels: None)
    slow = with_scans(6000)
    good, *bad = (visit(client_id, site=four_places) for client_id in ("anna", "mallory-1", "mallory-2", "mallory-3"))
    eventually(lambda: all(page.received for page in (good, *bad)))
    for page in bad:
        page.upload = lambda seq: visitor_message(seq, slow)
    eventually(lambda: all(page.close_code is not None for page in bad))
    for page, client_id in zip(bad, ("mallory-1", "mallory-2", "mallory-3"), strict=True):
        assert page.close_code in (1013, 1006)
        assert "takes more than 0.5 s" in four_places.session.visitors.refusal(client_id)
    before = len(good.received)
    eventually(lambda: len(good.received) > before + 5)
    assert good.close_code is None


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="child processes are listed in /proc")
def test_images_are_decoded_again_after_their_decoder_was_killed(four_places, visit, eventually):
    page = visit("anna", site=four_places)
    eventually(lambda: page.received)
    for decoder in four_places.session.visitors.decoders._all:
        if decoder._child is not None:
            os.kill(decoder._child.pid, signal.SIGKILL)
    before = len(page.received)
    eventually(lambda: len(page.received) > before + 5)
    assert page.close_code is None


def test_silent_sockets_lose_their_places_to_whoever_waits(four_places, visit, eventually, clock):
    with contextlib.ExitStack() as sockets:
        silent = [sockets.enter_context(watch(four_places, f"?visitor=silent-{number}")) for number in range(4)]
        eventually(lambda: len(four_places.session.visitors.feeds) == 4)
        refused = visit("anna", site=four_places)
        eventually(lambda: refused.close_code == 1013)
        clock.advance(10)
        page = visit("anna", site=four_places)
        eventually(lambda: page.received)
        while (header := receive(silent[0])[0]).get("state") != "ended":
            pass
        assert "No image of your camera came for 10 s" in header["message"]
        assert_closed(silent[0])
        assert len(four_places.session.visitors.feeds) == 4


@pytest.mark.skipif(os.name != "posix" or not Path("/proc").exists(), reason="127.0.0.2 is an address on Linux only")
def test_an_address_that_holds_all_places_yields_half_of_them_to_another(four_places, visit, eventually):
    crowd = [visit(f"crowd-{number}", site=four_places, address="127.0.0.2") for number in range(4)]
    eventually(lambda: all(page.received for page in crowd))
    others = [visit(f"other-{number}", site=four_places) for number in range(3)]
    eventually(lambda: others[0].received and others[1].received and others[2].close_code == 1013)
    eventually(lambda: [page.close_code is None for page in crowd] == [True, True, False, False])


@pytest.mark.parametrize("upload", INVALID)
def test_a_visitor_who_breaks_the_protocol_is_disconnected_and_no_other_affected(visitors, visit, eventually, upload):
    good, bad = visit("anna"), visit("mallory", (200, 300))
    eventually(lambda: good.received and bad.received)
    bad.upload = lambda seq: INVALID[upload](seq, bad.jpeg)
    eventually(lambda: bad.close_code is not None)
    # Who still sends when the socket is closed may be cut off before the reason has come.
    assert bad.close_code in ((1009, 1006) if upload == "3 MB" else (1001,))
    before = len(good.received)
    eventually(lambda: len(good.received) > before + 5)
    eventually(lambda: len(visitors.session.visitors.feeds) == 1)


@pytest.mark.parametrize("age_ms", ["NaN", "Infinity", "-1e999", "1" + "0" * 400, "true", '"x"', "-5"])
def test_an_impossible_latency_does_not_distort_the_statistics(visitors, visit, eventually, age_ms):
    page = visit("anna")
    eventually(lambda: len(page.received) >= 2)
    page.socket.send(f'{{"painted": {page.requested[-1]}, "age_ms": {age_ms}}}')
    before = len(page.received)
    eventually(lambda: len(page.received) > before + 3)
    stats = visitors.http.get("stats")
    assert stats.status_code == 200
    assert 0 <= stats.json()["display_latency_ms"]["p95"] <= 1e6


def test_a_frame_whose_age_is_no_number_counts_as_new(visit, eventually):
    page = visit("anna")
    page.upload = lambda seq: page.message(seq, float("nan"))
    eventually(lambda: len(page.received) >= 3)
    assert page.close_code is None


def test_a_silent_visitor_is_notified_and_live_again_at_the_next_frame(visit, eventually):
    page = visit("anna")
    eventually(lambda: len(page.received) >= 5)
    page.responding = False
    eventually(lambda: page.states[-1]["state"] != "live")
    assert "no frame" in page.states[-1]["message"]
    page.responding = True
    eventually(lambda: page.states[-1]["state"] == "live")


def test_no_frames_are_requested_of_a_hidden_page_until_it_is_visible(visit, eventually):
    page, other = visit("anna"), visit("berta")
    eventually(lambda: page.received and other.received)
    page.socket.send(json.dumps({"hidden": True}))

    def rests():
        requested, before = len(page.requested), len(other.received)
        eventually(lambda: len(other.received) > before + 10)
        return len(page.requested) == requested

    eventually(rests)
    requested = len(page.requested)
    page.socket.send(json.dumps({"hidden": False}))
    eventually(lambda: len(page.requested) > requested + 3)


def test_a_black_frame_of_a_visitor_is_reported_and_not_explained(visit, eventually):
    page = visit("anna")
    eventually(lambda: page.received)
    data = io.BytesIO()
    Image.fromarray(np.zeros((240, 320, 3), np.uint8)).save(data, "JPEG")
    page.jpeg = data.getvalue()
    eventually(lambda: "black" in page.states[-1]["message"])
    received, requested = len(page.received), len(page.requested)
    eventually(lambda: len(page.requested) > requested + 3)
    assert len(page.received) == received


def test_visitors_do_not_delay_the_end(serve_session, fake_explainer, visit, eventually, server_errors):
    site = serve_session([], fake_explainer(), max_visitors=2)
    pages = [visit(client_id, site=site) for client_id in ("anna", "berta")]
    eventually(lambda: all(page.received for page in pages))
    site.stop()
    assert server_errors == [], "a visitor was cancelled, as their connection did not end by itself"
    eventually(lambda: all(page.close_code is not None for page in pages))


def post(site, client_id, jpeg, **params):
    return httpx.post(
        f"{site.url}visit", params={"visitor": client_id, **params}, content=jpeg, timeout=15, verify=False
    )


def test_a_posted_frame_is_returned_explained(four_places, photograph):
    for size in ((320, 240), (200, 300)):
        response = post(four_places, f"client {size}", photograph(size), age_ms=4)
        assert response.status_code == 200
        assert size_of(response.content) == size
        assert json.loads(response.headers["X-Live-Cam"])["top"][0]["label"] == "lion"


def test_an_invalid_post_is_refused(four_places, photograph):
    assert post(four_places, "anna", b"GIF89a").status_code == 400
    assert post(four_places, "anna", bytes(3_000_000)).status_code == 413
    assert post(four_places, "x" * 65, photograph((320, 240))).status_code == 422
    assert post(four_places, "anna", photograph((320, 240)), age_ms="nan").status_code == 422
    assert post(four_places, "anna", photograph((320, 240))).status_code == 200


@pytest.mark.parametrize("what", BEYOND_A_LIMIT)
def test_whose_post_breaks_a_limit_is_told_and_waits(four_places, photograph, clock, what):
    jpeg = photograph((320, 240))
    assert post(four_places, "mallory", jpeg).status_code == 200
    refusal = post(four_places, "mallory", BEYOND_A_LIMIT[what](jpeg))
    assert refusal.status_code == 400
    assert what in refusal.text
    waiting = post(four_places, "mallory", jpeg)
    assert waiting.status_code == 503
    assert "next try in 10 s" in waiting.text
    assert post(four_places, "anna", jpeg).status_code == 200
    clock.advance(10)
    assert post(four_places, "mallory", jpeg).status_code == 200


def test_a_visitor_who_posts_has_one_place_and_frees_it_when_silent(four_places, photograph, eventually, monkeypatch):
    jpeg = photograph((320, 240))
    monkeypatch.setattr("live_cam.web.api.visitor_http._AWAY_LIMIT_S", 1.0)
    for number in range(3):
        four_places.session.visitors.join(f"other-{number}", f"192.0.2.{number}")
    for _ in range(3):
        assert post(four_places, "anna", jpeg).status_code == 200
    refusal = post(four_places, "berta", jpeg)
    assert refusal.status_code == 503
    assert "All 4 places are taken" in refusal.text
    eventually(lambda: post(four_places, "berta", jpeg).status_code == 200)


def test_a_post_that_waits_for_the_explainer_does_not_delay_the_end(
    serve_session, fake_explainer, photograph, eventually
):
    site = serve_session([], fake_explainer(delay_s=60.0), max_visitors=1)

    def try_to_post():
        with contextlib.suppress(httpx.HTTPError):
            post(site, "anna", photograph((320, 240)))

    waiting = threading.Thread(target=try_to_post)
    waiting.start()
    eventually(lambda: site.explainer.num_requested == 1)
    site.stop()
    waiting.join(10)
