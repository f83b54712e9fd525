"""Publishing to servers that live_cam did not write, FFmpeg's, and what they received of each frame."""

import logging
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from live_cam.sinks.publish.publisher import Publisher
from live_cam.sinks.publish.target import PublishTarget
from tests.clocks import ShiftedClock
from tests.processes import free_port
from tests.servers.media_server import PATH
from tests.servers.running import RunningServer
from tests.servers.stamped import stamp_ns
from tests.sinks.publish.senders import RATE_FPS, SIZE_PX, Sender

pytestmark = pytest.mark.slow

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals stop processes")


@pytest.fixture
def publish():
    """Publishes to a word of the command line: `publish("rtmp://...", view="overlay")`."""
    publishers = []

    def start(word, view="overlay", **options):
        publishers.append(Publisher(PublishTarget.parse(str(word)), "camera", view, **options))
        return publishers[-1]

    yield start
    for publisher in publishers:
        publisher.stop()
    for publisher in publishers:
        publisher.join(5.0)


class MediaServer(RunningServer):
    """FFmpeg as a server.

    Attributes:
        target: Where to publish to, with a password and a stream key.
    """

    def __init__(self, scheme: str, file: Path) -> None:
        self._file = file
        super().__init__("media", None, scheme, str(file))
        self.target = f"{scheme}://user:hidden-password@127.0.0.1:{self.port}{PATH}"

    def received(self):
        """Returns the stamp in each picture, its timestamp, and when it was decoded, in ms: int64 (N, 3)."""
        text = self._file.read_text() if self._file.exists() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()
        return np.array([line.split() for line in lines], np.int64).reshape(-1, 3)


@pytest.fixture
def media_server(tmp_path):
    """Starts a server: `media_server("rtmp")`."""
    started = []

    def start(scheme):
        started.append(MediaServer(scheme, tmp_path / "received"))
        return started[-1]

    yield start
    for server in started:
        server.resume()
        server.kill()


def assert_same_frames(received, put_ms):
    """Every frame received is one that was put, in order, at its capture time."""
    stamps_ms, timestamps_ms = received[:, 0], received[:, 1]
    assert set(stamps_ms) <= set(put_ms)
    assert all(before < after for before, after in pairwise(stamps_ms))
    assert np.abs(np.diff(timestamps_ms) - np.diff(stamps_ms)).max() <= 2


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_server_receives_the_frames_with_their_capture_times_and_a_restarted_one_again(
    scheme, publish, media_server, eventually, caplog
):
    server = media_server(scheme)
    publisher = publish(server.target)
    with caplog.at_level(logging.DEBUG), Sender(publisher) as sender:
        eventually(lambda: len(server.received()) >= 20)
        assert publisher.status.state == "live"
        before = server.received()
        server.kill()
        eventually(lambda: publisher.status.state == "waiting")
        assert publisher.status.message.startswith(f"{scheme}://127.0.0.1:{server.port} ")
        server.restart(scheme, str(server._file))
        eventually(lambda: len(server.received()) >= len(before) + 20)
    assert_same_frames(before, sender.put_ms)
    after = server.received()[len(before) :]
    after = after[after[:, 0] > before[-1, 0]]
    assert_same_frames(after[1:], sender.put_ms)
    assert publisher.status.state == "live"
    assert publisher.status.message == ""
    assert publisher.status.reconnects >= 1
    shown = f"{publisher.status} {caplog.text}"
    assert "hidden-password" not in shown
    assert "secret-key" not in shown


@ON_POSIX
def test_a_server_that_takes_nothing_costs_the_caller_nothing_and_old_frames_are_dropped(
    publish, media_server, eventually
):
    server = media_server("rtmp")
    publisher = publish(server.target)
    with Sender(publisher, size_px=(1280, 720)) as sender:
        eventually(lambda: len(server.received()) >= 5)
        server.pause()
        dropped = publisher.status.dropped
        eventually(lambda: publisher.status.dropped >= dropped + RATE_FPS)
        last_ms = sender.put_ms[-1]
        server.resume()
        eventually(lambda: server.received()[-1, 0] > last_ms)
    received = server.received()
    assert set(received[:, 0]) <= set(sender.put_ms)
    assert len(received) <= len(sender.put_ms) - RATE_FPS, "those of the pause were dropped, not queued"
    assert sender.slowest_put_s < 0.5


def test_a_playlist_plays_in_ffmpeg_goes_on_after_a_restart_and_keeps_few_segments(publish, tmp_path, eventually):
    folder = tmp_path / "hls"
    playlist = folder / "index.m3u8"
    publisher = publish(folder)
    with Sender(publisher) as sender:
        eventually(lambda: playlist.exists() and playlist.read_text().count(".m4s") >= 2)
    publisher.stop()
    publisher.join(30.0)
    assert publisher.status.state == "ended"
    assert playlist.read_text().rstrip().endswith("#EXT-X-ENDLIST")
    with av.open(str(playlist)) as container:
        frames = list(container.decode(video=0))
    stamps_ms = [stamp_ns(frame.to_ndarray(format="rgb24")) // 1_000_000 for frame in frames]
    received = np.array([[ms, frame.time * 1000] for ms, frame in zip(stamps_ms, frames, strict=True)])
    assert_same_frames(received[:-1], sender.put_ms)  # of the last, FFmpeg guesses when it ends
    assert (frames[0].width, frames[0].height) == SIZE_PX
    first = set(folder.iterdir())
    again = publish(folder)
    with Sender(again) as sender:
        eventually(lambda: again.status.sent > 0 and playlist.read_text().count(".m4s") >= 1)
        assert first & set(folder.iterdir()) <= {playlist}, "what no playlist lists is removed"


def test_the_last_frame_is_repeated_while_none_comes(publish, media_server, eventually):
    server = media_server("rtmp")
    publisher = publish(server.target)
    with Sender(publisher):
        eventually(lambda: len(server.received()) >= 2)
    # Frames that were sent may still be on their way.
    eventually(lambda: np.ptp(server.received()[-4:, 0]) == 0)
    timestamps_ms = server.received()[-2:, 1]
    assert 400 <= timestamps_ms[1] - timestamps_ms[0] <= 5000


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_a_process_that_is_killed_is_replaced(publish, media_server, eventually):
    server = media_server("rtsp")
    publisher = publish(server.target)
    with Sender(publisher):
        eventually(lambda: publisher.status.state == "live")
        os.kill(publisher._process._child.pid, signal.SIGKILL)
        eventually(lambda: "lost its process (SIGKILL)" in publisher.status.message)
        server.restart("rtsp", str(server._file))
        eventually(lambda: publisher.status.state == "live")


def test_what_is_wrong_is_one_line_and_attempts_go_on(publish, eventually):
    with socket.socket() as silent, Sender() as sender:
        silent.bind(("127.0.0.1", 0))  # but does not listen
        refused = publish(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/key")
        unknown = publish("rtsp://user:secret@no-such-host.invalid/live")
        sender._publishers = refused, unknown
        eventually(lambda: refused.status.reconnects >= 2 and unknown.status.reconnects >= 1)
    assert "refuses the connection; is the server running" in refused.status.message
    assert "is an unknown host" in unknown.status.message
    assert unknown.status.message.startswith("rtsp://no-such-host.invalid is")


class _Refusal(BaseHTTPRequestHandler):
    tokens: ClassVar = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.tokens.append(self.headers["Authorization"])
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.skipif("whip" not in av.formats_available, reason="WHIP came with FFmpeg 8")
def test_a_server_that_refuses_access_is_left_alone_for_a_minute(publish, eventually):
    _Refusal.tokens.clear()
    clock = ShiftedClock()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusal) as server:
        threading.Thread(target=server.serve_forever).start()
        publisher = publish(f"whip+http://:token@127.0.0.1:{server.server_port}/whip", clock=clock)
        with Sender(publisher) as sender:
            eventually(lambda: publisher.status.state == "waiting")
            assert "refuses access; check user name and password, or token" in publisher.status.message
            num_put = len(sender.put_ms)
            eventually(lambda: len(sender.put_ms) >= num_put + 2 * RATE_FPS)
            assert _Refusal.tokens == ["Bearer token"]
            clock.advance(60)
            eventually(lambda: len(_Refusal.tokens) >= 2)
        server.shutdown()


def test_an_odd_size_and_another_size_are_published(publish, tmp_path, eventually):
    publisher = publish(tmp_path / "odd.m3u8", "both")
    with Sender(publisher, size_px=(161, 121)):
        eventually(lambda: publisher.status.sent >= 3)
    sent = publisher.status.sent
    with Sender(publisher, size_px=(320, 240)):
        eventually(lambda: publisher.status.sent >= sent + 3)
    publisher.stop()
    publisher.join(30.0)
    assert publisher.status.reconnects == 0
    with av.open(str(tmp_path / "odd.m3u8")) as container:
        assert {(frame.width, frame.height) for frame in container.decode(video=0)} == {(322, 122)}


def test_the_end_does_not_wait_for_a_server_that_does_not_respond(publish):
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        publisher = publish(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/key")
        with Sender(publisher):
            connection, _ = silent.accept()
            with connection:
                publisher.stop()
                publisher.join(0.1)
                publisher.join(30.0)
    assert publisher.status.state == "ended"
