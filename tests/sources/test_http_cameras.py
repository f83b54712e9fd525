"""Cameras over HTTP that browsers show, though what they send is odd."""

import re
from pathlib import Path

import pytest

from live_cam.errors import SourceError
from live_cam.sources.network import NetworkSource
from tests.sources.helpers import read_frames
from tests.sources.http_camera import JPEGS, LEVELS, levels, read, send_body, send_head, stream

pytestmark = pytest.mark.slow

MULTIPART = "multipart/x-mixed-replace; boundary=x"
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
    source = NetworkSource(camera.url("/snapshot.jpg"), poll_fps=10.0)
    frames = read_frames(source, 4)
    read_frames(source, 3)
    assert set(levels((frame.rgb, 0) for frame in frames)) == set(LEVELS)
    times_s = [time_s for time_s, _ in camera.requests[:4]]
    assert times_s[3] - times_s[0] > 0.2
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{source.name} responds with one picture, and is requested 10 times a second; --rate")


def test_a_picture_that_fails_later_is_an_error(serve):
    def respond(connection, _):
        if len(camera.requests) < 3:
            return send_body("image/jpeg", JPEGS[0])(connection, _)
        return send_head(connection, "text/plain", "Content-Length: 0", status="503 Service Unavailable")

    camera = serve(respond)
    with pytest.raises(SourceError, match="responds with HTTP status 503"):
        read(camera.url(), 9, poll_fps=50)


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
