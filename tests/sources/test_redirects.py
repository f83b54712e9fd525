"""Cameras that refer to other hosts. Another port of 127.0.0.1 stands for one: it is another service."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from live_cam.errors import SourceError
from live_cam.sources.network import NetworkSource
from tests.sources.helpers import assert_one_line, playlist, read_frame
from tests.sources.rtsp_responder import RtspServer
from tests.videos import grey, write_video

pytestmark = pytest.mark.slow


class _HttpHandler(BaseHTTPRequestHandler):
    server: "HttpServer"

    def do_GET(self):
        response = self.server.responses.get(self.path, b"")
        location, body = (response, b"") if isinstance(response, str) else (None, response)
        self.send_response(200 if location is None else 302)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class HttpServer(ThreadingHTTPServer):
    """An HTTP server.

    Attributes:
        url: Its own.
        responses: By path: a body, or where to redirect to.
        num_connections: How many were opened to it.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _HttpHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.responses: dict[str, bytes | str] = {}
        self.num_connections = 0

    def verify_request(self, request, client_address):
        self.num_connections += 1
        return True


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    """A segment of HLS."""
    return write_video(tmp_path_factory.mktemp("hls") / "segment.ts", [grey(120)] * 5).read_bytes()


@pytest.fixture
def camera(run, segment):
    """A camera with a stream of its own."""
    server = run(HttpServer())
    server.responses |= {"/live.m3u8": _playlist("segment.ts"), "/segment.ts": segment}
    return server


@pytest.fixture
def other(run, camera):
    """A server that is not the camera, and has the same stream."""
    server = run(HttpServer())
    server.responses |= camera.responses
    return server


def _playlist(segment):
    return playlist("#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXTINF:0.2,", segment)


def _refer(camera, way, server):
    """Has a camera refer to the stream of a server, and returns the URL to open."""
    camera.responses |= {
        "redirect": {"/a.m3u8": f"{server.url}/live.m3u8"},
        "segment": {"/a.m3u8": _playlist(f"{server.url}/segment.ts")},
        "redirected segment": {"/a.m3u8": _playlist("a.ts"), "/a.ts": f"{server.url}/segment.ts"},
    }[way]
    return f"{camera.url}/a.m3u8"


def _assert_delivers(source):
    assert abs(read_frame(source).rgb.mean() - 120) < 5


WAYS = ["redirect", "segment", "redirected segment"]


@pytest.mark.parametrize("way", WAYS)
def test_another_host_is_refused_and_never_connected_to(camera, other, way):
    source = NetworkSource(_refer(camera, way, other))
    for _ in range(2):  # as often as it is tried again
        with pytest.raises(SourceError) as failure:
            read_frame(source)
        address = f"127.0.0.1:{other.server_port}"
        assert_one_line(failure.value, source.name, f"redirects to another host, {address};", "--follow-redirects")
    assert other.num_connections == 0


@pytest.mark.parametrize("way", WAYS)
def test_another_host_is_followed_on_request(camera, other, way):
    _assert_delivers(NetworkSource(_refer(camera, way, other), follow_redirects=True))
    assert other.num_connections > 0


@pytest.mark.parametrize("way", WAYS)
def test_the_camera_may_refer_to_itself(camera, way):
    _assert_delivers(NetworkSource(_refer(camera, way, camera)))


def test_the_host_may_have_several_addresses(camera):
    _assert_delivers(NetworkSource(f"http://localhost:{camera.server_port}/live.m3u8"))


def test_an_rtsp_redirect_to_another_host_is_refused_and_never_connected_to(run, other):
    location = f"Location: rtsp://127.0.0.1:{other.server_port}/stream"
    source = NetworkSource(run(RtspServer("302 Found", location)).url + "/stream")
    with pytest.raises(SourceError) as failure:
        source.open()
    assert_one_line(failure.value, source.name, "redirects to another host", other.server_port, "--follow-redirects")
    assert other.num_connections == 0
