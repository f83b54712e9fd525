"""The routes as their clients use them."""

from __future__ import annotations

import json
import socket
import struct
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from live_cam.errors import ServeError, SourceError
from live_cam.web.server import bind


def unpack(message: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", message)
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def watch(site, **options):
    return connect(f"ws://127.0.0.1:{site.port}/frames", proxy=None, **options)


def receive_picture(viewer, timeout_s=5.0) -> dict:
    """Gives the header of the next message that holds a picture."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        header, jpeg = unpack(viewer.recv(timeout=max(0.0, deadline_s - time.monotonic())))
        if jpeg:
            assert jpeg.startswith(b"\xff\xd8")
            assert jpeg.endswith(b"\xff\xd9")
            return header


def assert_ended(viewer) -> None:
    """Fails unless the server ends the socket, after the pictures that are on their way."""
    for _ in range(20):
        try:
            viewer.recv(timeout=5)
        except ConnectionClosed:
            return
    raise AssertionError("the socket is still open")


def test_stats_tell_what_the_design_promises(site, eventually):
    first = httpx.get(f"{site.url}stats").json()
    promised = "source frames fps age_ms top target viewers runtime precision recording"
    assert set(first) == set(promised.split())
    assert first["source"] == {"name": "Fake camera", "kind": "camera", "state": "live", "message": ""}
    assert [set(score) for score in first["top"]] == [{"index", "label", "probability"}] * 3
    eventually(lambda: httpx.get(f"{site.url}stats").json()["frames"]["explained"] > first["frames"]["explained"])


def test_health_follows_the_frames(serve_session, fake_source, fake_explainer, eventually):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 1000
    site = serve_session(source, fake_explainer())
    eventually(lambda: site.session.status.state in ("lost", "reconnecting"))
    answer = httpx.get(f"{site.url}healthz")
    assert answer.status_code == 503
    assert "unplugged" in answer.text
    assert httpx.get(f"{site.url}snapshot.jpg").status_code == 503
    source.open_errors.clear()
    eventually(lambda: httpx.get(f"{site.url}healthz").status_code == 200)
    site.session.controls.set_running(False)
    eventually(lambda: site.session.status.state == "ended")
    assert httpx.get(f"{site.url}healthz").status_code == 200, "stopped by a person is not ill"


def test_long_polling_gives_each_picture_once_and_waits_for_the_next(site):
    seqs = []
    for _ in range(5):
        answer = httpx.get(f"{site.url}frame.jpg", params={"after": seqs[-1] if seqs else -1})
        assert answer.content.startswith(b"\xff\xd8")
        seqs.append(json.loads(answer.headers["X-Live-Cam"])["seq"])
    assert seqs == sorted(set(seqs))


def test_a_socket_carries_pictures_with_their_words(site):
    with watch(site) as viewer:
        header = receive_picture(viewer)
        assert header["top"][0]["label"] == "lion"
        assert header["target"] == "lion"
        assert header["evidence"] is True
        assert header["state"] == "live"
        assert header["age_ms"] >= 0


def test_a_viewer_gets_the_next_picture_only_when_it_has_painted(site):
    with watch(site) as viewer:
        got = [receive_picture(viewer), receive_picture(viewer)]
        with pytest.raises(TimeoutError):
            viewer.recv(timeout=0.7)
        viewer.send(json.dumps({"painted": got[-1]["seq"]}))
        newest = receive_picture(viewer)
        assert newest["seq"] > got[-1]["seq"] + 5, "the newest picture, not the next in line"
        assert newest["painted_age_ms"] > 500


def test_a_hidden_page_gets_nothing_until_it_is_shown(site):
    with watch(site) as viewer:
        viewer.send(json.dumps({"hidden": True}))
        time.sleep(0.2)
        while True:
            try:
                viewer.recv(timeout=0.3)
            except TimeoutError:
                break
        viewer.send(json.dumps({"hidden": False}))
        receive_picture(viewer)


def test_viewers_are_counted_and_leave(site, eventually):
    with watch(site), watch(site):
        eventually(lambda: site.session.hub.viewer_count == 2)
    eventually(lambda: site.session.hub.viewer_count == 0)


def test_a_viewer_that_never_reads_costs_the_others_nothing(site):
    with watch(site), watch(site) as viewer:
        begin_s = time.monotonic()
        for _ in range(20):
            viewer.send(json.dumps({"painted": receive_picture(viewer)["seq"]}))
        assert time.monotonic() - begin_s < 3


def test_a_source_that_fails_is_told_over_the_socket(serve_session, fake_source, fake_explainer, eventually):
    source = fake_source()
    site = serve_session(source, fake_explainer())
    eventually(lambda: site.session.hub.newest is not None)
    source.open_errors = [SourceError("it is unplugged")] * 1000
    source.read_errors = [SourceError("it was unplugged")]
    with watch(site) as viewer:
        deadline_s = time.monotonic() + 5
        while (header := unpack(viewer.recv(timeout=5))[0])["state"] == "live":
            if "seq" in header:
                viewer.send(json.dumps({"painted": header["seq"]}))
            assert time.monotonic() < deadline_s
        assert "unplugged" in header["message"]


@pytest.mark.parametrize("nonsense", ["", "{", "[]", "7", '{"painted": "x"}', "[" * 3000, b"\xff\xff"])
def test_nonsense_on_the_socket_ends_that_socket_alone(site, nonsense):
    with watch(site) as viewer:
        viewer.send(nonsense)
        assert_ended(viewer)
    with watch(site) as another:
        receive_picture(another)


def test_an_oversized_message_ends_the_socket(site):
    with watch(site) as viewer:
        viewer.send("x" * 1_000_000)
        assert_ended(viewer)


def test_the_mjpeg_stream_begins_each_part_at_once(site):
    with httpx.stream("GET", f"{site.url}stream.mjpg") as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        received = b""
        for chunk in answer.iter_raw():
            received += chunk
            if received.count(b"--frame") >= 4:
                break
    opening, first, second, _ = received.split(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n")[:4]
    assert opening == b""
    for jpeg in (first, second):
        assert jpeg.startswith(b"\xff\xd8")
        assert jpeg.endswith(b"\xff\xd9\r\n")


def test_open_streams_do_not_hold_up_the_end(site):
    with watch(site) as viewer, httpx.stream("GET", f"{site.url}stream.mjpg") as stream:
        next(stream.iter_raw())
        receive_picture(viewer)
        assert site.stop() < 2


def test_a_taken_port_is_told_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"port {port}.*--port"):
            bind("127.0.0.1", port)


def test_an_address_of_another_machine_is_told_in_one_line():
    with pytest.raises(ServeError, match=r"can't listen on 192\.0\.2\.1"):
        bind("192.0.2.1", 7860)
