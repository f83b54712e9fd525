import socket
import threading
import time
import traceback
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.network import NetworkSource

_SECRET = "hunter2"
_BAND_PX = 32  # the rows the time stamp is drawn into, and a margin

pytestmark = pytest.mark.slow


@contextmanager
def _opened(url):
    stream = NetworkSource(url).open()
    try:
        yield stream
    finally:
        stream.close()


def _read_until_failure(stream, frames=None):
    """Gives the error in which reading ends, and how long the last read took; collects the frames until then."""
    frames = [] if frames is None else frames
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        begun_s = time.monotonic()
        try:
            frames.append(stream.read())
        except SourceError as error:
            return error, time.monotonic() - begun_s
    pytest.fail("frames still came after 10 s")


def _all_that_is_said(error):
    """Gives the texts of an error and of those it came from, which a log would show."""
    said = ["".join(traceback.format_exception(error))]
    while error is not None:
        said += [str(error), repr(error), repr(error.args), str(getattr(error, "filename", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


class _Relay:
    """Stands between a viewer and a port; passes nothing on while `flowing` is clear."""

    def __init__(self, port):
        self.flowing = threading.Event()
        self.flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(port,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.flowing.set()
        self._thread.join(10)
        self._listener.close()

    def _serve(self, port):
        viewer, _ = self._listener.accept()
        with viewer, socket.create_connection(("127.0.0.1", port)) as camera:
            to_camera = threading.Thread(target=self._pump, args=(viewer, camera))
            to_camera.start()
            self._pump(camera, viewer)
            to_camera.join(10)

    def _pump(self, source, sink):
        with suppress(OSError):
            while data := source.recv(4096):
                self.flowing.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _difference(one, other):
    return float(np.abs(one[_BAND_PX:].astype(np.int16) - other[_BAND_PX:].astype(np.int16)).mean())


@pytest.mark.parametrize(
    ("server", "path", "size_px", "frozen_after_s"),
    [
        ("mjpeg", "/video", (320, 240), 1.5),
        ("mjpeg", "/bare", (320, 240), 1.5),
        ("rtsp", "/small", (320, 240), 10.0),
        ("rtsp", "/large", (640, 480), 10.0),
        ("rtsp", "/udp", (320, 240), 10.0),
        ("rtsp", "/late", (320, 240), 10.0),
    ],
)
def test_the_pictures_come_soon_fresh_and_as_they_were_sent(
    start_server, stamped_pictures, server, path, size_px, frozen_after_s
):
    url = start_server(server).url(path)
    begun_s = time.monotonic()
    with _opened(url) as stream:
        frames, ages_ms = [], []
        for _ in range(40):
            frames.append(stream.read())
            ages_ms.append((time.monotonic_ns() - stamped_pictures.drawn_at_ns(frames[-1].rgb)) / 1e6)
            if len(frames) == 1:
                assert time.monotonic() - begun_s < 4
        assert stream.frozen_after_s == frozen_after_s
    sent = stamped_pictures.photograph(size_px)
    assert [frame.seq for frame in frames] == list(range(40))
    assert {frame.source_id for frame in frames} == {url}
    for frame in frames[::8]:
        assert frame.rgb.shape == sent.shape
        assert _difference(frame.rgb, sent) < 6
        assert _difference(frame.rgb, sent[..., ::-1]) > 15
    errors_ms = [(frame.pts_ns - stamped_pictures.drawn_at_ns(frame.rgb)) / 1e6 for frame in frames]
    assert np.percentile(ages_ms, 10) < 150
    assert np.median(errors_ms) > -2
    assert np.percentile(errors_ms, 10) < (80 if path == "/bare" else 30)
    assert all(np.diff([frame.pts_ns for frame in frames]) > 0)


@pytest.mark.parametrize(("server", "path"), [("mjpeg", "/video"), ("mjpeg", "/bare"), ("rtsp", "/small")])
def test_a_slow_reader_does_not_fall_behind(start_server, stamped_pictures, server, path):
    with _opened(start_server(server).url(path)) as stream:
        ages_ms = []
        for pause_s in (*[0.2] * 8, 2.0):
            frame = stream.read()
            ages_ms.append((time.monotonic_ns() - stamped_pictures.drawn_at_ns(frame.rgb)) / 1e6)
            time.sleep(pause_s)
        assert min(ages_ms[-4:]) < 200
        after_long_pause = [stream.read() for _ in range(3)][-1]
        assert (time.monotonic_ns() - stamped_pictures.drawn_at_ns(after_long_pause.rgb)) / 1e6 < 500


@pytest.mark.parametrize(
    ("server", "user_info", "path", "told"),
    [
        ("mjpeg", "", "/private", "denies access; check user name and password (http://user:password@host"),
        ("mjpeg", "user:hunter2@", "/private", "denies access; check user name and password"),
        ("rtsp", "", "/private", "denies access; check user name and password (rtsp://user:password@host"),
        ("rtsp", "user:hunter2@", "/private", "denies access; check user name and password"),
        ("mjpeg", "user:hunter2@", "/nothing", "has nothing under this path"),
        ("rtsp", "user:hunter2@", "/nothing", "has nothing under this path"),
        ("mjpeg", "user:hunter2@", "/page", "answers, but not with video"),
        ("mjpeg", "user:hunter2@", "/huge", "9000x9000, too large"),
    ],
)
def test_a_server_that_gives_no_video_is_told_and_no_secret(start_server, capfd, server, user_info, path, told):
    source = NetworkSource(start_server(server).url(path, user_info) + "?token=hunter2")
    with pytest.raises(SourceError) as refusal:
        source.open()
    assert str(refusal.value).startswith(source.name)
    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert _SECRET not in _all_that_is_said(refusal.value) + source.name + repr(source)
    assert _SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
@pytest.mark.parametrize(
    ("place", "told"), [("127.0.0.1:1", "refuses the connection"), ("no-such-host.invalid", "is not known here")]
)
def test_where_nobody_listens_is_told_and_no_secret(capfd, scheme, place, told):
    source = NetworkSource(f"{scheme}://user:hunter2@{place}/video?token=hunter2")
    with pytest.raises(SourceError) as refusal:
        source.open()
    assert told in str(refusal.value)
    assert _SECRET not in _all_that_is_said(refusal.value) + source.name + repr(source)
    assert _SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("server", ["mjpeg", "rtsp"])
def test_the_right_password_opens_and_is_not_shown_when_the_stream_breaks(start_server, capfd, server):
    camera = start_server(server)
    with _opened(camera.url("/private", "user:secret@")) as stream:
        assert "secret" not in stream.read().source_id
        camera.kill()
        error, _ = _read_until_failure(stream)
    assert "user:secret" not in _all_that_is_said(error)
    assert "user:secret" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("server", "path"), [("mjpeg", "/video"), ("rtsp", "/small")])
def test_a_camera_that_dies_is_told_at_once_and_opened_again_with_another_size(start_server, server, path):
    camera = start_server(server)
    source = NetworkSource(camera.url(path))
    stream = source.open()
    assert stream.read().rgb.shape == (240, 320, 3)
    camera.kill()
    error, waited_s = _read_until_failure(stream)
    stream.close()
    assert str(error) == f"{source.name} ended the stream"
    assert waited_s < 1
    camera.restart("--size", "480x368")
    with _opened(camera.url(path)) as stream:
        assert stream.read().rgb.shape == (368, 480, 3)


@pytest.mark.parametrize(("server", "path"), [("mjpeg", "/video"), ("rtsp", "/small")])
def test_a_camera_that_falls_silent_is_told_soon(start_server, server, path):
    camera = start_server(server)
    with _opened(camera.url(path)) as stream:
        stream.read()
        camera.pause()
        error, waited_s = _read_until_failure(stream)
        begun_s = time.monotonic()
    assert "has sent nothing for 2 s" in str(error)
    assert 1.5 < waited_s < 6
    assert time.monotonic() - begun_s < 1, "closing waited for the silent camera"


@pytest.mark.parametrize(("server", "path"), [("mjpeg", "/video"), ("rtsp", "/small")])
def test_a_short_silence_is_sat_out(start_server, stamped_pictures, server, path):
    camera = start_server(server)
    with _opened(camera.url(path)) as stream:
        for _ in range(5):
            stream.read()
        camera.pause()
        time.sleep(1.2)
        camera.resume()
        frames = [stream.read() for _ in range(10)]
        assert (time.monotonic_ns() - stamped_pictures.drawn_at_ns(frames[-1].rgb)) / 1e6 < 1000


def test_what_a_stalled_network_held_up_is_as_old_as_it_is_and_not_shown_when_too_old(start_server, stamped_pictures):
    with _Relay(start_server("rtsp").port) as relay, _opened(f"rtsp://127.0.0.1:{relay.port}/small") as stream:
        for _ in range(10):
            stream.read()
        relay.flowing.clear()
        threading.Timer(1.6, relay.flowing.set).start()
        ages_ms, errors_ms = [], []
        for _ in range(20):
            frame = stream.read()
            drawn_at_ns = stamped_pictures.drawn_at_ns(frame.rgb)
            ages_ms.append((time.monotonic_ns() - drawn_at_ns) / 1e6)
            errors_ms.append((frame.pts_ns - drawn_at_ns) / 1e6)
    assert max(ages_ms) < 1500
    assert ages_ms[-1] < 1000
    assert np.median(errors_ms) < 150


def test_a_server_that_accepts_and_says_nothing_is_given_up(start_server):
    camera = start_server("rtsp")
    camera.pause()
    begun_s = time.monotonic()
    with pytest.raises(SourceError, match="does not answer within 6 s"):
        NetworkSource(camera.url("/small")).open()
    assert time.monotonic() - begun_s < 12


def test_a_stream_that_ends_is_told(start_server):
    with _opened(start_server("mjpeg").url("/once")) as stream:
        error, _ = _read_until_failure(stream)
    assert str(error).endswith("/once ended the stream")


def test_a_recording_is_shown_at_its_own_pace_and_ends(start_server):
    frames = []
    with _opened(start_server("mjpeg").url("/clip.mp4")) as stream:
        error, _ = _read_until_failure(stream, frames)
    assert str(error).endswith("/clip.mp4 ended the stream")
    assert len(frames) == 50
    assert 1.9 < (frames[-1].pts_ns - frames[0].pts_ns) / 1e9 < 3


def test_the_size_may_change_within_a_stream(start_server):
    with _opened(start_server("mjpeg").url("/growing")) as stream:
        shapes = [stream.read().rgb.shape for _ in range(15)]
    assert shapes[0] == (240, 320, 3)
    assert shapes[-1] == (480, 640, 3)
