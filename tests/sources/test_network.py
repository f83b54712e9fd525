"""Network cameras, read in a process of its own; `test_network_reader.py` covers what the reader in it does."""

import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from live_cam.errors import SourceError
from live_cam.sources import network
from live_cam.sources.network import NetworkSource
from tests.processes import children
from tests.servers.running import RunningServer
from tests.servers.stamped import stamp_ns
from tests.sources.helpers import assert_one_line, everything_logged_of, read_frame

pytestmark = pytest.mark.slow

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are inspected in /proc")


@pytest.fixture(scope="module")
def camera():
    """An MJPEG camera; to be left running."""
    server = RunningServer("mjpeg")
    yield server
    server.kill()


@pytest.fixture
def opened():
    """Opens streams that are closed when the test ends: `opened(source)`."""
    streams = []

    def open_(source):
        streams.append(source.open())
        return streams[-1]

    yield open_
    for stream in streams:
        stream.close()


def _read_until_error(stream):
    with pytest.raises(SourceError) as failure:
        [stream.read() for _ in range(1000)]
    return failure.value


def _pid(stream):
    return stream._decoder.child.pid


def test_frames_arrive_fresh_with_exact_capture_times(camera, opened):
    stream = opened(NetworkSource(camera.url("/video")))
    frames, ages_s = [], []
    for _ in range(10):
        frames.append(stream.read())
        ages_s.append((time.monotonic_ns() - stamp_ns(frames[-1].rgb)) / 1e9)
    assert stream.frozen_after_s == 1.5
    assert min(abs(frame.pts_ns - stamp_ns(frame.rgb)) for frame in frames) < 30e6
    assert min(ages_s) < 0.15


def test_a_slow_reader_does_not_lag_behind(camera, opened):
    stream = opened(NetworkSource(camera.url("/video")))
    ages_s = []
    for _ in range(5):
        time.sleep(0.2)  # five frames
        ages_s.append((time.monotonic_ns() - stamp_ns(stream.read().rgb)) / 1e9)
    assert min(ages_s[2:]) < 0.3


def test_no_secret_is_in_an_error_and_on_the_command_line(camera, opened, capfd):
    url = camera.url("/private", "user:secret@")
    stream = opened(NetworkSource(url))
    if sys.platform == "linux":
        assert b"secret" not in Path(f"/proc/{_pid(stream)}/cmdline").read_bytes()
    source = NetworkSource(url.replace("secret", "hunter2") + "?token=hunter2")
    with pytest.raises(SourceError) as failure:
        source.open()
    assert_one_line(failure.value, source.name, "denies access; check user name and password (http://user:")
    logged = everything_logged_of(failure.value) + source.name + repr(source) + "".join(capfd.readouterr())
    assert "hunter2" not in logged


def test_a_picture_of_67_megapixels_is_refused(camera):
    source = NetworkSource(camera.url("/huge"))
    with pytest.raises(SourceError) as failure:
        source.open()
    assert_one_line(failure.value, source.name, "sends frames of more than 16 megapixels; choose a smaller size there")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system does not limit the CPU time of a step")
def test_a_picture_that_takes_seconds_to_decode_is_refused(camera):
    source = NetworkSource(camera.url("/scans"))
    with pytest.raises(SourceError) as failure:
        read_frame(source)
    assert_one_line(failure.value, source.name, "takes too long to decode; choose H.264 or MJPEG, or a smaller size")


def test_a_camera_that_is_lost_is_tried_again_by_the_same_process(start_server, opened):
    camera = start_server("mjpeg")
    source = NetworkSource(camera.url("/video"))
    stream = opened(source)
    pid = _pid(stream)
    camera.kill()
    assert str(_read_until_error(stream)) == f"{source.name} ended the stream"
    with pytest.raises(SourceError, match="refuses the connection"):
        source.open()
    camera.restart()
    stream = opened(source)
    assert _pid(stream) == pid
    assert stream.read().rgb.shape == (240, 320, 3)


@on_linux
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crashed_decoder_is_an_error_and_the_next_attempt_starts_another(camera, opened, number):
    source = NetworkSource(camera.url("/video"))
    stream = opened(source)
    pid = _pid(stream)
    os.kill(pid, number)
    assert_one_line(_read_until_error(stream), source.name, f"crashed its decoder ({number.name})")
    stream = opened(source)
    assert _pid(stream) != pid
    stream.read()


@on_linux
def test_a_decoder_that_hangs_is_ended(camera, opened, monkeypatch):
    stream = opened(NetworkSource(camera.url("/video")))
    child = stream._decoder.child
    os.kill(child.pid, signal.SIGSTOP)
    monkeypatch.setattr(network, "_SILENCE_LIMIT_S", 0.2)  # only now, since the start may take longer
    assert "delivered no frame for" in str(_read_until_error(stream))
    assert child.returncode is not None


def test_an_interrupt_closes_the_connection_of_whoever_waits_and_the_next_one_works(camera, opened):
    camera.pause()
    source = NetworkSource(camera.url("/video"))
    failures = []

    def wait():
        try:
            source.open()
        except SourceError as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        while waiting.is_alive():  # it may not have started its process yet
            source.interrupt()
            waiting.join(0.05)
    finally:
        camera.resume()
    assert len(failures) == 1
    assert opened(source).read().rgb.shape == (240, 320, 3)


@on_linux
def test_the_decoder_s_memory_is_limited(camera, opened):
    stream = opened(NetworkSource(camera.url("/video")))
    limits = Path(f"/proc/{_pid(stream)}/limits").read_text().splitlines()
    limit = next(line for line in limits if "address space" in line)
    assert int(limit.split()[3]) == 4 << 30


@on_linux
def test_no_process_is_left(camera):
    before = children()
    source = NetworkSource(camera.url("/video"))
    stream = source.open()
    stream.read()
    assert len(children() - before) == 1
    stream.close()
    stream.close()
    assert not children() - before
    with pytest.raises(SourceError, match="is closed"):
        stream.read()
    failing = NetworkSource(camera.url("/nothing"))
    with pytest.raises(SourceError):
        failing.open()
    assert len(children() - before) == 1  # waits for the next attempt
    del failing
    gc.collect()
    assert not children() - before
