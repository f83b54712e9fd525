"""The routes that list the sources, show another, and take a picture or a video."""

from __future__ import annotations

import io
import socket

import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraSource
from live_cam.sources.demo import DemoSource
from live_cam.sources.upload import MAX_UPLOAD_BYTES
from tests.processes import num_files_in_memory
from tests.web.sites import TOKEN
from tests.web.viewers import receive_until, watch

pytestmark = pytest.mark.slow

BEARER = {"Authorization": f"Bearer {TOKEN}"}
ROUTES = [("GET", "sources"), ("POST", "source?source=demo"), ("POST", "source/file?name=a.png")]


def png(size_px=(80, 60)):
    file = io.BytesIO()
    Image.new("RGB", size_px, (90, 90, 90)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def own_site(serve_session, fake_source, fake_explainer, monkeypatch):
    """A site of its own that shows a camera, on a machine with no other."""
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [])
    return serve_session(fake_source(), fake_explainer()).wait_until_live()


def test_all_viewers_see_the_picture_that_one_sent_and_the_camera_again(own_site, eventually):
    before_n = num_files_in_memory()
    with watch(own_site) as viewer, watch(own_site) as another:
        response = own_site.http.post("source/file?name=caf%C3%A9.png", content=png())
        assert response.status_code == 200
        for each in (viewer, another):
            receive_until(each, lambda header: header["source"] == "café.png" and "seq" in header)
        names = {choice["name"]: choice for choice in response.json()["sources"]}
        assert [name for name, choice in names.items() if choice["is_current"]] == ["café.png"]
        assert own_site.http.get("stats").json()["source"]["name"] == "café.png"
        back = own_site.http.post("source", params={"source": names["Fake camera"]["id"]})
        assert back.status_code == 200
        receive_until(another, lambda header: header["source"] == "Fake camera" and "seq" in header)
        assert "café.png" not in back.text
    eventually(lambda: num_files_in_memory() <= before_n)


def test_what_can_not_be_shown_is_refused_in_one_line(own_site):
    for query, content, status, reason in (
        ("source/file?name=a.txt", b"Dear all,", 400, "a.txt is not a readable video"),
        ("source/file", b"", 400, "is empty"),
        ("source?source=nothing", b"", 409, "not there any more"),
        ("source?source=/etc/passwd", b"", 409, "not there any more"),
        ("source?source=rtsp://192.0.2.1/", b"", 409, "not there any more"),
        ("source/file?feed=3", png(), 404, "no feed 3"),
        ("source/file?visitor=me", b"Dear all,", 400, "not a readable"),
    ):
        response = own_site.http.post(query, content=content)
        assert (response.status_code, reason in response.text) == (status, True), response.text
        assert len(response.text.splitlines()) == 1
    assert own_site.session.feeds[0].name == "Fake camera"


def test_a_camera_that_does_not_open_leaves_the_picture(own_site, eventually):
    given = own_site.http.get("sources").json()["sources"][0]["id"]
    own_site.http.post("source/file?name=a.png", content=png())
    own_site.source.open_errors = [SourceError("Fake camera is in use")]
    response = own_site.http.post("source", params={"source": given})
    assert (response.status_code, response.text) == (409, "Fake camera is in use")
    assert own_site.session.feeds[0].name == "a.png"
    eventually(lambda: own_site.session.feeds[0].status.state == "live")


def test_a_file_that_is_too_large_is_refused_before_it_is_read_or_decoded(own_site):
    head = f"POST /source/file HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {MAX_UPLOAD_BYTES + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", own_site.port), 20) as client:
        client.sendall(head.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")
    chunks = (bytes(1 << 20) for _ in range((MAX_UPLOAD_BYTES >> 20) + 2))
    # Without a length it is read up to the limit; who goes on to send may find the connection closed.
    try:
        response = own_site.http.post("source/file", content=chunks)
        assert (response.status_code, "64 MiB" in response.text) == (413, True)
    except OSError:
        pass
    assert own_site.session.feeds[0].name == "Fake camera"


def test_one_file_is_received_at_a_time(own_site, eventually):
    head = b"POST /source/file HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", own_site.port), 20) as client:
        client.sendall(head)
        assert client.recv(4096).startswith(b"HTTP/1.1 100 ")  # it is being received now
        assert "Another file" in own_site.http.post("source/file", content=b"x").text
    eventually(lambda: own_site.http.post("source/file?name=a.png", content=png()).status_code == 200)


def test_a_kiosk_and_visitors_have_no_such_routes(kiosk, visitors):
    for site in (kiosk, visitors):
        for method, path in ROUTES:
            response = site.http.request(method, path, content=png() if method == "POST" else None)
            assert response.status_code == 404, path


def test_a_camera_is_turned_on_from_this_machine_alone(own_site, guarded, monkeypatch):
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [CameraSource(77)])
    assert "camera-77" in own_site.http.get("sources").text
    assert "there is no camera" in own_site.http.post("source?source=camera-77").text
    # Who comes through a proxy comes from this machine.
    assert "camera-77" not in guarded.http.get("sources", headers=BEARER).text
    assert "not there any more" in guarded.http.post("source?source=camera-77", headers=BEARER).text


def test_the_token_and_the_pages_own_origin_are_required(guarded):
    for method, path in ROUTES:
        assert guarded.http.request(method, path).status_code == 401
        elsewhere = guarded.http.request(method, path, headers={**BEARER, "Origin": "https://elsewhere.example"})
        assert elsewhere.status_code == 403
    assert guarded.http.get("sources", headers=BEARER).status_code == 200
    assert guarded.session.feeds[0].name == "Fake camera"


def test_the_demo_in_place_of_a_camera_is_said_to_be_that(serve_session, fake_explainer):
    demo = DemoSource("Demo (no camera delivers frames)", is_in_place_of_camera=True)
    site = serve_session(demo, fake_explainer())
    assert site.http.get("sources").json()["in_place_of_camera"] is True
