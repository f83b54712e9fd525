"""Cameras over HTTP that browsers show, though what they send is odd."""

import base64
import hashlib
import re
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.decode.network_reader import NetworkReader
from live_cam.sources.network import NetworkSource
from live_cam.sources.url import CameraUrl
from tests.sources.helpers import assert_one_line, read_frames
from tests.videos import grey, write_video

pytestmark = pytest.mark.slow

LEVELS = (60, 120, 180)
JPEGS = [cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes() for level in LEVELS]
MULTIPART = "multipart/x-mixed-replace; boundary=x"
PERIOD_S = 0.05


class Camera(socketserver.ThreadingTCPServer):
    """A camera whose responses a test chooses.

    Attributes:
        respond: Called with the connection, and the header of the request.
        requests: Time and header of each.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, respond, host="127.0.0.1"):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        address: Any = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4]  # with the zone as a number
        super().__init__(address, _Handler)
        self.respond = respond
        self.requests: list[tuple[float, str]] = []
        self.port = self.server_address[1]

    def url(self, path="/", user_info=""):
        return f"http://{user_info}127.0.0.1:{self.port}{path}"

    def handle_error(self, *_):
        """Ignores clients that disconnect."""


class _Handler(socketserver.StreamRequestHandler):
    server: Camera

    def handle(self):
        lines = []
        while line := self.rfile.readline().strip():
            lines.append(line.decode())
        self.server.requests.append((time.monotonic(), "\n".join(lines)))
        self.server.respond(self.request, self.server.requests[-1][1])


@pytest.fixture
def serve():
    """Runs a camera until the test ends: `serve(respond)`."""
    running = []

    def start(respond, host="127.0.0.1"):
        camera = Camera(respond, host)
        thread = threading.Thread(target=camera.serve_forever, args=(0.01,))
        thread.start()
        running.append((camera, thread))
        return camera

    yield start
    for camera, thread in running:
        camera.shutdown()
        thread.join()
        camera.server_close()


def send_head(connection, kind, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers, "Connection: close", "", ""]
    connection.sendall("\r\n".join(lines).encode())


def stream(kind, before, part, period_s=PERIOD_S):
    """Returns a response of pictures in a circle; `part` is what is sent of each."""

    def respond(connection, _):
        send_head(connection, kind)
        connection.sendall(before)
        time.sleep(period_s)  # it arrives by itself
        for number in range(1000):
            connection.sendall(part(JPEGS[number % len(JPEGS)]))
            time.sleep(period_s)

    return respond


def send_body(kind, body, *headers):
    def respond(connection, _):
        send_head(connection, kind, f"Content-Length: {len(body)}", *headers)
        connection.sendall(body)

    return respond


def levels(frames):
    return [min(LEVELS, key=lambda level: abs(float(rgb.mean()) - level)) for rgb, _ in frames]


def read(url, count=4, **options):
    """Returns frames of a camera, read in this process."""
    reader = NetworkReader(CameraUrl.parse(url), **options)
    try:
        return [reader.read() for _ in range(count)]
    finally:
        reader.close()


ODD_STREAMS = {
    "no first boundary": (MULTIPART, b"", lambda jpeg: b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n--x\r\n"),
    "no headers": (MULTIPART, b"--x\r\n", lambda jpeg: b"\r\n" + jpeg + b"\r\n--x\r\n"),
    "lengths too short": (MULTIPART, b"", lambda jpeg: b"--x\r\nContent-Length: 9\r\n\r\n" + jpeg),
    "lengths too long": (MULTIPART, b"", lambda jpeg: b"--x\r\nContent-Length: 99999\r\n\r\n" + jpeg),
    "another boundary": (MULTIPART, b"", lambda jpeg: b"--y\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg),
    "odd headers": (MULTIPART, b"--x\n", lambda jpeg: b"X-Caf\xe9\nContent-type:image/jpg\n\n" + jpeg + b"\n--x\n"),
    "no end markers": (MULTIPART, b"", lambda jpeg: b"--x\r\n\r\n" + jpeg[:-2] + b"\r\n"),
    "another type": ("text/html", b"\r\n", lambda jpeg: b"--x\r\n\r\n" + jpeg),
    "no multipart": ("video/x-motion-jpeg", b"", lambda jpeg: jpeg),
    "no multipart, as an image": ("image/jpeg", b"", lambda jpeg: jpeg),
}


@pytest.mark.parametrize("response", ODD_STREAMS.values(), ids=ODD_STREAMS)
def test_what_browsers_show_is_shown(serve, response):
    frames = read(serve(stream(*response)).url(), 6)
    assert set(levels(frames)) == set(LEVELS)


def test_a_stream_without_timestamps_has_those_of_arrival(serve):
    camera = serve(stream("video/x-motion-jpeg", b"", lambda jpeg: jpeg, period_s=0.2))
    times_ns = [pts_ns for _, pts_ns in read(camera.url(), 5)]
    assert times_ns[-1] - times_ns[1] > 0.55e9, "of 0.6 s, of which FFmpeg would make 0.12"


def test_an_address_of_one_picture_is_requested_again_and_again_and_said_so(serve, caplog):
    def respond(connection, _):
        send_body("image/jpeg", JPEGS[len(camera.requests) % 3])(connection, _)

    camera = serve(respond)
    source = NetworkSource(camera.url("/snapshot.jpg"), poll_fps=5.0)
    frames = read_frames(source, 4)
    read_frames(source, 3)
    assert set(levels((frame.rgb, 0) for frame in frames)) == set(LEVELS)
    times_s = [time_s for time_s, _ in camera.requests[:4]]
    assert np.diff(times_s).min() > 0.15
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{source.name} responds with one picture, and is requested 5 times a second; --rate")


def test_a_picture_that_fails_later_is_an_error(serve):
    def respond(connection, _):
        if len(camera.requests) < 3:
            return send_body("image/jpeg", JPEGS[0])(connection, _)
        return send_head(connection, "text/plain", "Content-Length: 0", status="503 Service Unavailable")

    camera = serve(respond)
    with pytest.raises(SourceError, match="responds with HTTP status 503"):
        read(camera.url(), 9, poll_fps=50)


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def _sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def protected(challenges, is_allowed):
    """Returns a response that requires a log-in."""

    def respond(connection, request):
        authorization = re.search(r"^Authorization: (.*)$", request, re.MULTILINE)
        if authorization is not None and is_allowed(authorization[1], request.split()[1]):
            return send_body("image/jpeg", JPEGS[0])(connection, request)
        headers = [f"WWW-Authenticate: {challenge}" for challenge in challenges]
        return send_head(connection, "text/plain", "Content-Length: 0", *headers, status="401 Unauthorized")

    return respond


def basic(user_info):
    return lambda authorization, _: authorization == f"Basic {base64.b64encode(user_info.encode()).decode()}"


def digest(hashed, user, password):
    def is_allowed(authorization, path):
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization))
        expected = hashed(f"{hashed(f'{user}:cam:{password}')}:n:{hashed(f'GET:{path}')}")
        return fields.get("response") == expected

    return is_allowed


BASIC = 'Basic realm="cam"'
MD5 = 'Digest realm="cam", nonce="n"'
SHA256 = 'Digest realm="cam", nonce="n", algorithm="SHA-256"'
UNKNOWN = 'Digest realm="cam", nonce="n", algorithm="SHA-3"'


@pytest.mark.parametrize(
    ("challenges", "is_allowed", "user_info"),
    [
        ([BASIC], basic("admin:"), "admin@"),
        ([BASIC], basic("admin:"), "admin:@"),
        ([BASIC], basic("a:p@:/"), f"a:{quote('p@:/', safe='')}@"),
        ([MD5], digest(_md5, "user", "secret"), "user:secret@"),
        ([SHA256], digest(_sha256, "user", "secret"), "user:secret@"),
        ([SHA256], digest(_sha256, "user", ""), "user@"),
        (["Negotiate", UNKNOWN, BASIC], basic("user:secret"), "user:secret@"),
    ],
)
def test_every_usual_kind_of_log_in_works(serve, challenges, is_allowed, user_info):
    camera = serve(protected(challenges, is_allowed))
    assert levels(read(camera.url("/a?b=c", user_info), 2, poll_fps=50)) == [60, 60]


@pytest.mark.parametrize(
    ("challenges", "message"),
    [
        (["NTLM"], "wants a kind of log-in that is not supported (ntlm)"),
        ([UNKNOWN], "wants a kind of log-in that is not supported (Digest with SHA-3)"),
        ([SHA256], "denies access; check user name and password (http://user:password@host"),
        ([], "denies access; check user name and password"),
    ],
)
def test_a_refusal_is_named_after_one_log_in_at_most(serve, challenges, message):
    camera = serve(protected(challenges, lambda *_: False))
    with pytest.raises(AccessDeniedError) as failure:
        read(camera.url("/", "user:hunter2@"))
    assert_one_line(failure.value, message)
    assert "hunter2" not in str(failure.value)
    assert sum("Authorization:" in request for _, request in camera.requests) <= 1


def test_no_password_reaches_another_host(serve):
    other = serve(protected([BASIC], basic("user:secret")))
    camera = serve(lambda connection, _: send_head(connection, "", f"Location: {other.url()}", status="302 Found"))
    with pytest.raises(AccessDeniedError):
        read(camera.url("/", "user:secret@"))
    assert not any("Authorization:" in request for _, request in other.requests)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """An MP4 of 100 kB with its index at the end."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 120, 160, 3), np.uint8)
    return write_video(tmp_path_factory.mktemp("recording") / "index_last.mp4", list(noise)).read_bytes()


def test_a_recording_that_can_t_be_played_from_its_server_is_named_and_not_fetched(serve, recording):
    assert recording.index(b"mdat") < recording.index(b"moov")
    assert len(recording) > 100_000
    with pytest.raises(SourceError) as failure:
        read(serve(send_body("video/mp4", recording)).url("/film.mp4"))
    assert_one_line(failure.value, "its index at the end, on a server that does not send parts; download it")


def test_a_recording_is_played_from_a_server_that_sends_parts(serve, recording):
    def respond(connection, request):
        start = int(re.search(r"^Range: bytes=(\d+)-", request, re.IGNORECASE | re.MULTILINE)[1])
        end = len(recording) - 1
        content_range = f"Content-Range: bytes {start}-{end}/{len(recording)}"
        length = f"Content-Length: {end + 1 - start}"
        send_head(connection, "video/mp4", length, content_range, status="206 Partial Content")
        connection.sendall(recording[start:])

    def respond_whole_at_first(connection, request):
        (respond if "range:" in request.lower() else send_body("video/mp4", recording))(connection, request)

    assert read(serve(respond_whole_at_first).url("/film.mp4"), 2)[0][0].shape == (120, 160, 3)


@pytest.mark.parametrize("name", ["segment.php?n=1", "segment", "segment.jpg"])
def test_a_segment_may_have_any_name(serve, tmp_path, name):
    segment = write_video(tmp_path / "segment.ts", [grey(120)] * 5).read_bytes()
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:0.2,", name, "#EXT-X-ENDLIST", ""]
    responses = {
        "/live": send_body("application/vnd.apple.mpegurl", "\n".join(lines).encode()),
        f"/{name}": send_body("video/mp2t", segment),
    }
    camera = serve(lambda connection, request: responses[request.split()[1]](connection, request))
    assert levels(read(camera.url("/live"), 1)) == [120]


def test_an_address_may_have_a_zone(serve):
    address = _link_local_address()
    camera = serve(send_body("image/jpeg", JPEGS[1]), address)
    source = NetworkSource(f"http://[{address.replace('%', '%25')}]:{camera.port}/")
    assert abs(read_frames(source, 1)[0].rgb.mean() - 120) < 5


def _link_local_address():
    """Returns a link-local IPv6 address of this machine with its zone; skips the test if there is none."""
    path = Path("/proc/net/if_inet6")
    for line in path.read_text().splitlines() if path.exists() else ():
        address, *_, interface = line.split()
        if address.startswith("fe80"):
            return f"{':'.join(re.findall('....', address))}%{interface}"
    return pytest.skip("this machine has no link-local IPv6 address")
