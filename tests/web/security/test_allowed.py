"""What may be requested: what the page requests and docs/http.md lists, and nothing else of Gradio's."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from fastapi.routing import APIRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from live_cam.pipeline.session import Session
from live_cam.web.api.analysis import analysis_routes
from live_cam.web.api.frames import frame_routes
from live_cam.web.api.recordings import recording_routes
from live_cam.web.api.settings import settings_routes
from live_cam.web.api.sources import source_routes
from live_cam.web.security.allowed import PAGE_PATHS
from live_cam.web.ui.scripts import FOLDER, script_routes
from tests.web.sites import TOKEN, Site

pytestmark = pytest.mark.slow

BEARER = {"Authorization": f"Bearer {TOKEN}"}
MODES = ["site", "two_cameras", "visitors", "kiosk", "guarded"]
# Those without a body fail, write a folder, or reveal something.
GRADIO_ROUTES = [
    ("POST", "/gradio_api/process_recording"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/upload?upload_id=1"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/queue/join?"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/component_server/"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/api/predict"),
    ("POST", "/gradio_api/call/predict"),
    ("POST", "/gradio_api/call/v2/predict"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("POST", "/gradio_api/stream/1"),
    ("POST", "/gradio_api/vibe-edit/"),
    ("POST", "//gradio_api/upload"),
    ("POST", "/%67radio_api/upload"),
    ("POST", "/login"),
    ("GET", "/gradio_api/deep_link?session_hash=1"),
    ("GET", "/gradio_api/queue/data?session_hash=1"),
    ("GET", "/gradio_api/heartbeat/1"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/openapi.json"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/custom_component/1/client/component/index.js"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1:22/"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("HEAD", "/gradio_api/file=/etc/hostname"),
    ("GET", "/gradio_api"),
    ("GET", "/monitoring"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
]


@pytest.fixture(params=MODES)
def each_mode(request) -> Site:
    return request.getfixturevalue(request.param)


def respond_to_half(site: Site, method: str, path: str, **headers: str) -> str:
    """Sends a request with the first bytes of a large body, and returns all that comes until the server closes."""
    fields = {"Host": f"127.0.0.1:{site.port}", **BEARER, "Content-Length": "100000000", **headers}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", site.port), 20) as client:
        client.sendall(head.encode() + b'{"data": [')
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return received.decode()


def test_no_route_of_gradio_but_those_of_the_page_responds_in_any_mode(each_mode, server_errors, capfd):
    for method, path in GRADIO_ROUTES:
        response = respond_to_half(each_mode, method, path, Expect="100-continue")
        assert response.startswith("HTTP/1.1 404 "), (path, response)
        assert "\r\nconnection: close\r\n" in response
    assert server_errors == []
    assert capfd.readouterr() == ("", "")


def test_a_playlist_is_not_made_into_a_video_of_local_files(site, tmp_path, gradio_media):
    video = gradio_media / "videos" / "world.mp4"
    for playlist in (
        f"ffconcat version 1.0\nfile '{video}'\n",
        f"#EXTM3U\n#EXTINF:1,\nfile://{video}\n#EXT-X-ENDLIST\n",
    ):
        upload = {"file": ("clip.mp4", playlist.encode(), "video/mp4")}
        assert site.http.post("gradio_api/process_recording", files=upload).status_code == 404


def test_a_range_of_a_file_is_refused_as_the_file_is(site, gradio_media, server_errors):
    path = gradio_media / "images" / "lion.jpg"
    assert site.http.get(f"gradio_api/file={path}", headers={"Range": "bytes=0-10"}).status_code == 404
    assert server_errors == []


def test_sockets_but_that_of_the_frames_are_refused(site):
    for path in ("gradio_api/queue/join", "stats", ""):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{site.port}/{path}", proxy=None)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("PATCH", "/settings", 413, {}),
        ("PATCH", "/settings", 413, {"Expect": "100-continue"}),
        ("PUT", "/settings", 405, {}),
        ("POST", "/occlusion?x=2", 422, {}),
        ("POST", "/recordings?view=none", 422, {}),
        ("POST", "/stats", 405, {}),
        ("GET", "/stats", 200, {}),
    ],
)
def test_a_body_that_is_too_long_or_not_expected_is_not_read(site, method, path, status, headers):
    response = respond_to_half(site, method, path, **headers)
    assert response.startswith(f"HTTP/1.1 {status} ")


def test_a_body_without_a_length_is_read_up_to_the_limit(site):
    def body() -> Any:
        for _ in range(1000):
            yield b" " * 1000

    assert site.http.patch("settings", content=body()).status_code == 413


def test_a_posted_image_is_read_up_to_its_limit(visitors):
    response = respond_to_half(visitors, "POST", "/visit?visitor=anna")
    assert response.startswith("HTTP/1.1 413 ")


def test_without_the_token_no_body_is_read(guarded):
    for path in ("/settings", "/gradio_api/queue/join", "/nothing"):
        response = respond_to_half(guarded, "PATCH", path, Authorization="", Expect="100-continue")
        assert response.startswith("HTTP/1.1 401 ")


READABLE = ["", "healthz", "stats", "settings", "poster.jpg", "frame.jpg", "top.jpg", f"{FOLDER}viewer.js", "theme.css"]
SAVING = ["snapshot", "snapshot.jpg"]


@pytest.mark.parametrize("path", [*READABLE, *SAVING])
def test_head_responds_as_get_without_a_body(site, path):
    head, get = site.http.head(path), site.http.get(path)
    assert (head.status_code, get.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]


def test_the_head_of_a_stream_ends(site):
    response = site.http.head("stream.mjpg")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("multipart/x-mixed-replace")
    assert "content-length" not in response.headers
    assert site.http.get("stats").json()["viewers"] == 0


def test_the_head_of_a_recording_has_its_length(site, eventually):
    site.http.post("recordings")
    (name,) = (path.name for path in site.session.recordings.videos)
    eventually(lambda: site.session.recordings.status.seconds > 0)
    site.http.post("recordings/stop")
    eventually(lambda: site.http.head(f"recordings/{name}").status_code == 200)
    assert (
        int(site.http.head(f"recordings/{name}").headers["content-length"]) == (site.recordings / name).stat().st_size
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_of_a_path_are_named(site, method):
    for path in [*READABLE, *SAVING, "stream.mjpg"]:
        response = site.http.request(method, path)
        assert response.status_code == 405, path
        expected = "GET, HEAD, PATCH" if path == "settings" else "GET, HEAD"
        assert response.headers["allow"] == expected
        assert len(response.text.splitlines()) == 1
    assert site.http.get("occlusion").headers["allow"] == "POST"


def test_what_a_mode_does_not_offer_is_not_there(kiosk):
    assert kiosk.http.post("recordings").status_code == 404
    assert kiosk.http.post("visit", params={"visitor": "anna"}).status_code == 404


def test_paths_of_the_page_are_those_of_this_gradio(site):
    paths = {path.replace("{path:path}", "nothing") for path in PAGE_PATHS}
    # A path without a route has no methods.
    assert {path for path in paths if "allow" not in site.http.delete(path).headers} == set()


@pytest.mark.parametrize("path", ["assets/%00", "assets/..%2f..%2froutes.py", "static/%2e%2e/%2e%2e/x", "assets/%ff"])
def test_odd_names_of_assets_are_not_found(site, path, server_errors):
    assert site.http.get(path).status_code in (403, 404)
    assert server_errors == []


@pytest.mark.parametrize("name", ["script", "path", "file"])
def test_no_parameter_names_a_file_to_send(site, name):
    script = site.http.get(f"{FOLDER}viewer.js")
    asked = site.http.get(f"{FOLDER}viewer.js", params={name: __file__})
    assert (asked.status_code, asked.content) == (200, script.content)


def test_routes_take_the_parameters_that_are_documented(fake_source, fake_explainer):
    session = Session([fake_source()], fake_explainer())
    routers = [script_routes(), frame_routes(session), settings_routes(session, False), analysis_routes(session)]
    routers += [recording_routes(session), source_routes(session)]
    routes = [route for router in routers for route in router.routes]
    taken = {
        parameter.name
        for route in routes
        if isinstance(route, APIRoute)
        for part in (route.dependant, *route.dependant.dependencies)
        for parameter in part.query_params
    }
    assert taken == {"after", "feed", "name", "revision", "source", "view", "visitor", "x", "y"}
