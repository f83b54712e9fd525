"""The routes of frames and statistics, and the frames socket, as viewers use them."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from live_cam.errors import ServeError, SourceError
from live_cam.web.listener import bind
from tests.web.viewers import acknowledge, assert_closed, receive, receive_frame, receive_until, size_of, watch

pytestmark = pytest.mark.slow


def explained(site) -> int:
    return site.http.get("stats").json()["frames"]["explained"]


def test_stats_have_the_documented_keys(site, eventually):
    first = site.http.get("stats").json()
    documented = "source frames fps age_ms top target viewers runtime precision recording publishers sources"
    assert set(first) == {*documented.split(), "display_latency_ms"}
    assert first["source"] == {"name": "Fake camera", "kind": "camera", "state": "live", "message": ""}
    assert [set(score) for score in first["top"]] == [{"index", "label", "probability"}] * 3
    eventually(lambda: explained(site) > first["frames"]["explained"])


def test_health_follows_the_frames(serve_session, fake_source, fake_explainer, eventually):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 1000
    site = serve_session(source, fake_explainer())
    eventually(lambda: site.session.feeds[0].status.state in ("lost", "reconnecting"))
    response = site.http.get("healthz")
    assert response.status_code == 503
    assert "unplugged" in response.text
    assert site.http.get("snapshot.jpg").status_code == 503
    source.open_errors.clear()
    eventually(lambda: site.http.get("healthz").status_code == 200)
    site.session.settings.change(running=False)
    eventually(lambda: site.session.feeds[0].status.state == "ended")
    assert site.http.get("healthz").status_code == 200, "stopped by a person is healthy"


def test_health_says_that_nothing_is_explained_though_the_source_is_live(
    serve_session, fake_source, fake_explainer, eventually
):
    site = serve_session(fake_source(name="Front door"), fake_explainer(delay_s=600.0))
    eventually(lambda: site.session.feeds[0].status.state == "live")
    response = site.http.get("healthz")
    assert (response.status_code, response.text) == (503, "Front door: no frame is explained")


def test_long_polling_returns_each_frame_once_and_waits_for_the_next(site):
    seqs = []
    for _ in range(5):
        response = site.http.get("frame.jpg", params={"after": seqs[-1] if seqs else -1})
        assert response.content.startswith(b"\xff\xd8")
        seqs.append(json.loads(response.headers["X-Live-Cam"])["seq"])
    assert seqs == sorted(set(seqs))


def test_a_socket_carries_frames_with_their_description(site):
    with watch(site) as viewer:
        header = receive_frame(viewer)
        assert header["top"][0]["label"] == "lion"
        assert header["target"]["label"] == "lion"
        assert header["has_evidence"] is True
        assert header["state"] == "live"
        assert header["age_ms"] >= 0


def test_a_viewer_receives_the_next_frame_only_when_it_has_painted(site, eventually):
    with watch(site) as viewer:
        received = [receive_frame(viewer), receive_frame(viewer)]
        before = explained(site)
        eventually(lambda: explained(site) > before + 20)
        with pytest.raises(TimeoutError):
            viewer.recv(timeout=0)
        acknowledge(viewer, received[-1])
        header = receive_until(viewer, lambda header: header.get("display_latency_ms") is not None)
        assert header["display_latency_ms"] > 500
        assert receive_frame(viewer)["seq"] > received[-1]["seq"] + 10, "the newest frame, not the next in line"


def test_a_hidden_page_receives_nothing_until_it_is_visible(site, eventually):
    with watch(site) as viewer:
        viewer.send(json.dumps({"hidden": True}))
        with contextlib.suppress(TimeoutError):
            while True:
                viewer.recv(timeout=0.3)
        before = explained(site)
        eventually(lambda: explained(site) > before + 10)
        with pytest.raises(TimeoutError):
            viewer.recv(timeout=0)
        viewer.send(json.dumps({"hidden": False}))
        receive_frame(viewer)


def test_viewers_are_counted_and_leave(site, eventually):
    with watch(site), watch(site):
        eventually(lambda: site.http.get("stats").json()["viewers"] == 2)
    eventually(lambda: site.http.get("stats").json()["viewers"] == 0)


@pytest.mark.parametrize("count", [1, 4, 50])
def test_every_viewer_receives_the_newest_frames_beside_one_that_never_reads(site, eventually, count):
    site.source.interval_s = 1 / 15
    with contextlib.ExitStack() as stack:
        stack.enter_context(watch(site))
        viewers = [stack.enter_context(watch(site)) for _ in range(count)]
        eventually(lambda: site.http.get("stats").json()["viewers"] == count + 1)
        before = explained(site)
        seqs = {viewer: [] for viewer in viewers}
        while explained(site) < before + 20:
            for viewer in viewers:
                header = receive_frame(viewer)
                seqs[viewer].append(header["seq"])
                acknowledge(viewer, header)
        count_explained = explained(site) - before
    for seen in seqs.values():
        assert seen == sorted(set(seen)), "none twice, none that is older"
    counts = [len(seen) for seen in seqs.values()]
    assert min(counts) >= max(counts) - 2
    # Fifty are as many as this test can read for.
    assert count == 50 or min(counts) > 0.6 * count_explained
    with watch(site) as viewer:
        receive_frame(viewer)


def test_a_failing_source_is_reported_over_the_socket(site):
    site.source.open_errors = [SourceError("it is unplugged")] * 1000
    with watch(site) as viewer:
        site.source.read_errors = [SourceError("it was unplugged")]
        assert "unplugged" in receive_until(viewer, lambda header: header["state"] != "live")["message"]


def test_a_viewer_who_comes_while_the_source_is_lost_is_not_told_that_it_is_live(site, eventually):
    site.source.open_errors = [SourceError("it is unplugged")] * 1000
    site.source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: site.session.feeds[0].status.state == "lost")
    broadcaster = site.session.feeds[0].broadcaster  # a last frame may still be explained
    eventually(lambda: time.monotonic_ns() - broadcaster.newest.pts_ns > 250_000_000)
    with watch(site) as viewer:
        messages = [receive(viewer) for _ in range(4)]
    assert any(jpeg for _, jpeg in messages), "the last frame stays"
    assert {header["state"] for header, _ in messages} <= {"lost", "reconnecting"}
    assert all(header["age_ms"] > 200 for header, jpeg in messages if jpeg)


@pytest.mark.parametrize("nonsense", ["", "{", "[]", "7", '{"painted": "x"}', "[" * 3000, b"\xff\xff"])
def test_an_invalid_message_closes_that_socket_alone(site, nonsense):
    with watch(site) as viewer:
        viewer.send(nonsense)
        assert_closed(viewer)
    with watch(site) as another:
        receive_frame(another)


def test_an_oversized_message_closes_the_socket(site):
    with watch(site) as viewer:
        # The server may have closed the socket before all of it is sent.
        with contextlib.suppress(ConnectionClosed):
            viewer.send("x" * 1_000_000)
        assert_closed(viewer)


def test_the_mjpeg_stream_starts_each_part_at_once(site):
    with site.http.stream("GET", "stream.mjpg") as response:
        assert response.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        received = b""
        for chunk in response.iter_raw():
            received += chunk
            if received.count(b"--frame") >= 4:
                break
    start, first, second, _ = received.split(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n")[:4]
    assert start == b""
    for jpeg in (first, second):
        assert jpeg.startswith(b"\xff\xd8")
        assert jpeg.endswith(b"\xff\xd9\r\n")


def test_open_streams_do_not_delay_the_end(serve_session, fake_source, fake_explainer, server_errors):
    site = serve_session(fake_source(), fake_explainer()).wait_until_live()
    with watch(site) as viewer, httpx.stream("GET", f"{site.url}stream.mjpg", verify=False) as stream:
        next(stream.iter_raw())
        receive_frame(viewer)
        site.stop()
    assert server_errors == [], "a stream was cancelled, as it did not end by itself"


def test_a_port_in_use_is_reported_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"port {port}.*--port"):
            bind("127.0.0.1", port)


def test_an_address_of_another_machine_is_reported_in_one_line():
    with pytest.raises(ServeError, match=r"cannot listen on 192\.0\.2\.1"):
        bind("192.0.2.1", 7860)


def test_the_state_comes_once_a_second_between_the_frames_with_the_display_latency(site):
    states, frames = [], 0
    with watch(site) as viewer:
        start_s = time.monotonic()
        while len(states) < 3:
            header, jpeg = receive(viewer)
            if jpeg:
                assert "display_latency_ms" not in header
                frames += 1
                acknowledge(viewer, header)
            else:
                states.append(header)
        took_s = time.monotonic() - start_s
    assert took_s > 2 * 0.9
    assert frames > len(states)
    keys = {
        "source",
        "state",
        "message",
        "retry_s",
        "fps",
        "recording",
        "settings",
        "preparing",
        "faithfulness",
        "precision_words",
        "models",
    }
    assert states[-1].keys() == keys | {"display_latency_ms"}
    assert states[-1]["display_latency_ms"] > 0
    assert site.http.get("stats").json()["display_latency_ms"]["p50"] > 0


def test_a_lost_source_is_reported_to_viewers(site):
    with watch(site) as viewer:
        acknowledge(viewer, receive_frame(viewer))
        site.source.block()
        header = receive_until(viewer, lambda header: header["state"] != "live")
    assert "no frame" in header["message"]


@pytest.mark.parametrize(("query", "size_px"), [("", (64, 48)), ("?feed=0", (64, 48)), ("?feed=1", (80, 30))])
def test_each_source_has_its_own_frames_on_every_route(two_cameras, query, size_px):
    for route in ("snapshot.jpg", "frame.jpg"):
        assert size_of(two_cameras.http.get(f"{route}{query}").content) == size_px
    with two_cameras.http.stream("GET", f"stream.mjpg{query}") as response:
        received = b""
        for chunk in response.iter_raw():
            received += chunk
            if received.count(b"--frame") >= 2:
                break
    assert size_of(received.split(b"\r\n\r\n")[1]) == size_px
    with watch(two_cameras, query) as viewer:
        while not (message := receive(viewer))[1]:
            pass
        assert size_of(message[1]) == size_px
        assert message[0]["source"] == ("Back door" if query == "?feed=1" else "Front door")


@pytest.mark.parametrize("feed", ["2", "-1", "99999999999999999999"])
def test_a_feed_that_does_not_exist_is_reported(two_cameras, feed):
    for route in ("snapshot.jpg", "frame.jpg", "stream.mjpg"):
        response = two_cameras.http.get(f"{route}?feed={feed}")
        assert response.status_code == 404
        assert "there are 2" in response.text
    with watch(two_cameras, f"?feed={feed}") as viewer:
        assert_closed(viewer)


def test_stats_describe_each_source(two_cameras):
    stats = two_cameras.http.get("stats").json()
    assert [source["name"] for source in stats["sources"]] == ["Front door", "Back door"]
    assert all(source["frames"]["explained"] > 0 for source in stats["sources"])
