"""Real servers of cameras, killed, stopped and restarted in mid-stream, and a session that lives on."""

import time

import pytest

from live_cam.pipeline.session import Session
from live_cam.sources.network import NetworkSource

pytestmark = pytest.mark.slow

LIMIT_S = 5.0
PATHS = {"mjpeg": "/video", "rtsp": "/small"}


@pytest.fixture(params=PATHS)
def camera(request, start_server):
    """A camera's server, and a session that shows it live."""
    server = start_server(request.param)
    server.path = PATHS[request.param]
    return server


@pytest.fixture
def feed(camera, fake_explainer, eventually):
    with Session([NetworkSource(camera.url(camera.path))], fake_explainer()) as session:
        (feed,) = session.feeds
        eventually(lambda: feed.hub.newest is not None)
        yield feed


def seconds_until(condition):
    begin_s = time.monotonic()
    while not condition():
        assert time.monotonic() - begin_s < 15
        time.sleep(0.005)
    return time.monotonic() - begin_s


def picture_since(feed, since_ns):
    return feed.hub.newest.pts_ns > since_ns


def test_a_camera_that_is_killed_is_told_at_once_and_live_again_soon_after_it_is_back(camera, feed):
    for _ in range(2):
        camera.kill()
        assert seconds_until(lambda: feed.status.state != "live") < LIMIT_S
        assert str(camera.port) in feed.status.message
        time.sleep(3)
        assert feed.status.state in ("lost", "reconnecting")
        camera.restart()
        back_ns = time.monotonic_ns()
        assert seconds_until(lambda: picture_since(feed, back_ns)) < LIMIT_S  # noqa: B023 (waited for within the turn)


def test_a_camera_that_falls_silent_with_its_connection_open_is_told_and_live_again_when_it_goes_on(camera, feed):
    for _ in range(2):
        camera.pause()
        assert seconds_until(lambda: feed.status.state != "live") < LIMIT_S
        time.sleep(5)
        assert feed.status.state in ("lost", "reconnecting")
        camera.resume()
        back_ns = time.monotonic_ns()
        assert seconds_until(lambda: picture_since(feed, back_ns)) < LIMIT_S  # noqa: B023 (waited for within the turn)


def test_a_camera_may_come_back_with_another_size(camera, feed, eventually):
    camera.kill()
    eventually(lambda: feed.status.state != "live")
    camera.restart("--size", "480x368")
    eventually(lambda: feed.status.state == "live")
    assert feed.status.message == ""


def test_a_camera_that_is_not_there_at_the_start_is_shown_when_it_comes(camera, fake_explainer, eventually):
    camera.kill()
    with Session([NetworkSource(camera.url(camera.path))], fake_explainer()) as session:
        (feed,) = session.feeds
        eventually(lambda: feed.status.state == "lost")
        camera.restart()
        back_ns = time.monotonic_ns()
        seconds = seconds_until(lambda: feed.hub.newest is not None and picture_since(feed, back_ns))
        assert seconds < LIMIT_S
