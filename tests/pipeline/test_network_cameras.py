"""Real camera servers, killed, paused and restarted while they stream, and a session that goes on."""

import os
import signal
import time

import pytest

from live_cam.pipeline.session import Session
from live_cam.sources.network import NetworkSource, NetworkStream
from tests.servers.running import RunningServer

pytestmark = pytest.mark.slow

PATHS = {"mjpeg": "/video", "rtsp": "/small"}


class CountingSource(NetworkSource):
    """A network camera that counts how often it is opened."""

    num_opened = 0
    stream: NetworkStream

    def open(self):
        self.num_opened += 1
        self.stream = super().open()
        return self.stream


@pytest.fixture(scope="module", params=PATHS)
def camera(request):
    """A camera's server; each test leaves it running."""
    server = RunningServer(request.param)
    server.path = PATHS[request.param]  # type: ignore[attr-defined]
    yield server
    server.kill()


@pytest.fixture
def source(camera):
    return CountingSource(camera.url(camera.path))


@pytest.fixture
def feed(source, fake_explainer, eventually):
    """The feed of a session that shows the camera live."""
    with Session([source], fake_explainer()) as session:
        (feed,) = session.feeds
        eventually(lambda: feed.broadcaster.newest is not None)
        yield feed


@pytest.fixture
def wait_for_frame(eventually):
    """Waits for an overlay of a frame that is captured from now on."""

    def wait(feed):
        now_ns = time.monotonic_ns()
        eventually(lambda: feed.broadcaster.newest is not None and feed.broadcaster.newest.pts_ns > now_ns)

    return wait


def test_a_camera_that_is_killed_is_reported_and_shown_again_when_it_is_back_with_another_size(
    camera, source, feed, eventually, wait_for_frame
):
    camera.kill()
    eventually(lambda: feed.status.state != "live")
    assert str(camera.port) in feed.status.message
    num_opened = source.num_opened
    eventually(lambda: source.num_opened >= num_opened + 2)
    assert feed.status.state in ("lost", "reconnecting")
    camera.restart("--size", "480x368")
    wait_for_frame(feed)
    assert feed.broadcaster.newest.frame.rgb.shape == (368, 480, 3)
    eventually(lambda: (feed.status.state, feed.status.message) == ("live", ""))


def test_a_camera_that_falls_silent_is_reported_and_shown_again_when_it_continues(
    camera, source, feed, eventually, wait_for_frame
):
    # Once its rate is known, as that of a camera that has run for a while is.
    eventually(lambda: feed.broadcaster.newest.seq >= 5)
    camera.pause()
    eventually(lambda: feed.status.state != "live")
    num_opened = source.num_opened
    eventually(lambda: source.num_opened > num_opened)
    assert feed.status.state in ("lost", "reconnecting")
    camera.resume()
    wait_for_frame(feed)
    eventually(lambda: feed.status.state == "live")


def test_a_camera_that_is_absent_at_the_start_is_shown_when_it_appears(
    camera, source, fake_explainer, eventually, wait_for_frame
):
    camera.kill()
    with Session([source], fake_explainer()) as session:
        (feed,) = session.feeds
        eventually(lambda: feed.status.state == "lost")
        camera.restart()
        wait_for_frame(feed)


def test_a_camera_whose_decoder_crashes_is_reported_and_shown_again_by_another(
    source, feed, eventually, wait_for_frame
):
    os.kill(source.stream._decoder.child.pid, signal.SIGSEGV)
    eventually(lambda: feed.status.state != "live")
    assert feed.status.message.startswith(f"{source.name} crashed its decoder (SIGSEGV); ")
    wait_for_frame(feed)
    eventually(lambda: (feed.status.state, feed.status.message) == ("live", ""))
