"""`live-cam serve`: its options, the order of its errors, and real servers until they are stopped."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import httpx
import pytest

from live_cam.cli.server import _report_recording
from live_cam.pipeline.recordings import RecordingStatus
from live_cam.web.security.addresses import local_addresses
from tests.cli.conftest import program
from tests.videos import grey, write_video

_START_LIMIT_S = 240.0


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("demo", "--size", "large"), ("'large'", "1280x720")),
        (("demo", "--size", "0x480"), ("'0x480'", "1280x720")),
        (("demo", "browser"), ("browser", "no other source")),
        (("demo",) * 17, ("17", "16")),
        (("demo", "--mirror"), ("--mirror",)),
        (("gopher://admin:hunter2@cam/",), ("gopher",)),
        (("browser", "--record", "new.mp4"), ("visitors' cameras are not recorded",)),
        (("demo", "--token", ""), ("token is empty", "--token")),
        (("demo", "--public"), ("--public", "browser")),
        (("demo", "--teach"), ("--teach is for --kiosk", "leave it out")),
        (("demo", "demo", "--kiosk", "--teach"), ("--teach is for one source",)),
        (("browser", "--public", "--token", "twelve-letters"), ("--public", "--token")),
        (("demo", "--host", "0.0.0.0", "--token", "12345"), ("0.0.0.0", "at least 12", "--token")),
        (("demo", "--allow-host", "cam.example", "--token", "12345"), ("cam.example", "at least 12")),
    ],
)
def test_sources_and_options_that_contradict_each_other(live_cam, free_port, words, fragments):
    error = live_cam(*words, "--no-open", "--port", free_port).error(2)
    assert all(fragment in error for fragment in fragments), error
    assert "hunter2" not in error


def test_a_kiosk_that_teaches_a_network_that_takes_no_classes(fake_program, free_port):
    error = fake_program("demo", "--kiosk", "--teach", "--no-open", "--port", free_port).error(2)
    assert error == "live-cam: a fake takes no classes of your own"


def test_a_missing_file(live_cam, free_port):
    assert "nowhere.mp4" in live_cam("nowhere.mp4", "--no-open", "--port", free_port).error(1)


def test_a_corrupt_file(live_cam, free_port, tmp_path):
    path = tmp_path / "corrupt.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(500))
    assert "corrupt.mp4" in live_cam(path, "--no-open", "--port", free_port).error(1)


def test_a_port_in_use_is_reported_before_the_sources_are_opened(live_cam, tmp_path):
    corrupt = tmp_path / "corrupt.mp4"
    corrupt.touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = live_cam(corrupt, "--no-open", "--port", port).error(1)
    assert str(port) in error
    assert "--port" in error


def test_a_folder_without_pictures_is_refused_before_the_server_is_imported(live_cam, free_port, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "live_cam.web.app", None)  # importing it would be an ImportError
    error = live_cam(tmp_path, "--no-open", "--port", free_port).error(1)
    assert "contains no readable image" in error


def test_after_an_error_the_port_is_free_again(live_cam, free_port):
    for _ in range(2):
        assert "nowhere.mp4" in live_cam("nowhere.mp4", "--no-open", "--port", free_port).error(1)


@pytest.mark.parametrize(
    ("words", "status", "fragments"),
    [
        (("demo", "--record", "there-2.mp4"), 1, ("there-2.mp4", "not overwritten")),
        (("demo", "demo", "--record", "there.mp4"), 1, ("there-2.mp4", "not overwritten")),
        (("demo", "--record", "notes.mp4", "--subtitles"), 1, ("notes.vtt",)),
        (("demo", "--record", "new.avi"), 2, ("new.avi should end with one of",)),
        (("demo", "--record", "missing/new.mp4"), 1, ("missing", "new.mp4")),
        pytest.param(
            ("demo", "--record", "/sys/new.mp4"),
            *(1, ("the folder sys is not writable",)),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="nobody creates files in Linux's /sys"),
        ),
        (("demo", "--record", f"{'x' * 251}.mp4"), 1, (".jsonl: File name too long",)),
        (("browser", "--record", "new.mp4"), 2, ("visitors' cameras are not recorded",)),
        (("demo", "--container", "webm", "--codec", "h264"), 2, ("h264", "webm")),
        (("demo", "--kiosk", "--record", "new.mp4"), 2, ("--record-visitors",)),
        (("demo", "--kiosk", "--record-visitors"), 2, ("--record-visitors",)),
        (("browser", "--publish", "public"), 2, ("visitors' cameras are not published",)),
        (("demo", "--kiosk", "--virtual-camera"), 2, ("sends away pictures", "--record-visitors")),
        (("demo", "--publish", "http://user:hunter2@host/x"), 2, ("http:// URLs can't be published to",)),
        (("demo", "--publish", "rtmp://user:hunt er2@host/x"), 2, ("rtmp:// URL contains a space",)),
        (("demo", "--publish", "missing/public"), 1, ("missing/public can't be made",)),
    ],
)
def test_a_recording_that_is_not_possible_is_reported_before_anything_slow(
    live_cam, tmp_path, monkeypatch, words, status, fragments
):
    for name in ("there-2.mp4", "notes.vtt"):
        (tmp_path / name).write_text("precious")
    monkeypatch.chdir(tmp_path)
    # Slow is the explainer, which would report its weights.
    error = live_cam(*words, "--no-open", "--weights", "none.npz").error(status)
    assert all(fragment in error for fragment in fragments), error
    assert "hunt" not in error
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "there-2.mp4": "precious",
        "notes.vtt": "precious",
    }


@pytest.mark.parametrize(
    ("words", "sources", "max_visitors"),
    [
        ((), ("auto",), 8),
        (("demo", "--kiosk"), ("demo",), 0),
        (("demo", "0"), ("demo", "0"), 0),
        (("browser", "--visitors", "3"), (), 3),
    ],
)
def test_sources_are_given_or_those_of_visitors(parse_serve, words, sources, max_visitors):
    options = parse_serve("serve", *words)
    assert (options.sources, options.max_visitors) == (sources, max_visitors)


def test_options_reach_the_camera_and_the_recordings(parse_serve):
    options = parse_serve("0", "--size", "1280X720", "--rate", "60", "--mjpeg", "--container", "mkv", "--subtitles")
    camera, recording = options.camera, options.recording
    assert (camera.size_px, camera.rate_fps, camera.mjpeg, camera.mirror) == ((1280, 720), 60.0, True, False)
    assert (recording.container, recording.codec, recording.subtitles) == ("mkv", "auto", True)
    assert options.publish == [[]]


def test_each_source_is_published_to_each_target(parse_serve):
    options = parse_serve("demo", "0", "--publish", "rtmp://a/live/x", "--publish", "rtsp://b/y")
    assert [[each.url for each in of_source] for of_source in options.publish] == [
        ["rtmp://a/live/x-1", "rtsp://b/y-1"],
        ["rtmp://a/live/x-2", "rtsp://b/y-2"],
    ]


@pytest.mark.parametrize(
    ("state", "message", "status", "stdout", "stderr"),
    [
        ("finished", "", 0, "Recorded a.mp4, b.mp4, 2.5 s\n", ""),
        ("finished", "The disk is full.", 1, "Recorded a.mp4, b.mp4, 2.5 s\n", "live-cam: The disk is full.\n"),
        ("failed", "The disk is gone.", 1, "", "live-cam: The disk is gone.\n"),
        ("finishing", "", 1, "", "live-cam: a.mp4, b.mp4 could not be finished"),
    ],
)
def test_the_end_of_the_last_recording_is_the_exit_status(capsys, state, message, status, stdout, stderr):
    recording = RecordingStatus(state, 2.5, 1000, 1000, 0, message, "a.mp4", ("a.mp4", "b.mp4"))
    assert _report_recording(recording, [Path("a.mp4"), Path("b.mp4")]) == status
    printed = capsys.readouterr()
    assert printed.out == stdout
    assert printed.err.startswith(stderr)
    assert len(printed.err.splitlines()) == (1 if stderr else 0)


class Server:
    """A process that serves.

    Attributes:
        port: Where it serves.
        output: The lines read from its standard output.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, client: httpx.Client, eventually) -> None:
        self.process = process
        self.port = port
        self.output: list[str] = []
        self._client = client
        self._eventually = eventually

    def read_until(self, *beginnings: str) -> str:
        """Reads up to a line with one of these beginnings and returns it; without one, reads all output."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if line.startswith(beginnings):
                return line
        return ""

    def wait_for_stats(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Waits until the JSON of `/stats` meets a condition, and returns it."""
        stats: dict[str, Any] = {}

        def is_met() -> bool:
            assert self.process.poll() is None, "live-cam ended by itself"
            try:
                response = self._client.get(f"http://127.0.0.1:{self.port}/stats")
            except httpx.TransportError:
                return False
            assert response.status_code == 200
            stats.update(response.json())
            return condition(stats)

        self._eventually(is_met, within_s=_START_LIMIT_S)
        return stats

    def wait_for_recording(self, frames: int) -> None:
        """Waits until so many frames are recorded, if encoding keeps up."""
        explained: list[int] = []

        def is_recorded(stats: dict[str, Any]) -> bool:
            recording = stats["recording"]
            if recording["seconds"] > 0:
                explained.append(stats["frames"]["explained"])
            return bool(explained) and explained[-1] - explained[0] - recording["dropped"] >= frames

        self.wait_for_stats(is_recorded)

    def end(self) -> str:
        """Waits until it has ended well, and returns its output."""
        self.read_until()
        output = "".join(self.output)
        assert self.process.wait(60) == 0, output
        assert "Traceback" not in output
        return output


@pytest.fixture
def start_server(start_process, eventually) -> Iterator[Callable[..., Server]]:
    """Starts `live-cam` with a fake explainer, on any port that is free: `start_server("demo", "--record", path)`."""
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(headers={"Authorization": "Bearer a b c d e f g"}))

        def start(*words: object) -> Server:
            process = start_process(*words, "--no-open", "--port", 0, fake=True)
            return Server(stack.enter_context(process), 0, client, eventually)

        yield start


@pytest.mark.slow
def test_it_records_until_ctrl_c_however_often_it_comes_and_prints_the_url_for_others(start_server, tmp_path):
    video = tmp_path / "demo.mp4"
    words = "demo", "--host", "0.0.0.0", "--token", "a b c d e f g", "--record", video, "--view", "both"
    server = start_server(*words)
    found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=a%20b%20c%20d%20e%20f%20g ", server.read_until("Demo"))
    assert found is not None
    server.port = int(found[1])
    (address,) = local_addresses() or ["not on a network"]
    others = server.read_until("")
    assert address in others
    if address != "not on a network":
        assert others == f"For others on the network: http://{address}:{server.port}/?token=a%20b%20c%20d%20e%20f%20g\n"
    server.wait_for_recording(frames=20)
    server.process.send_signal(signal.SIGINT)
    server.read_until("Finishing", "Recorded")
    while server.process.poll() is None:
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.001)
    (seconds,) = re.findall(rf"^Recorded {re.escape(str(video))}, (.+) s$", server.end(), re.MULTILINE)
    assert float(seconds) > 0
    with av.open(video) as container:
        assert container.streams.video[0].frames == len(list(container.decode(video=0))) > 10
        assert container.streams.video[0].width == 2 * 640
    end = json.loads(video.with_suffix(".jsonl").read_text("utf-8").splitlines()[-1])["end"]
    assert end["dropped"] < end["frames"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.jsonl", "demo.mp4"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs util-linux")
def test_a_terminal_that_is_closed_ends_it_and_finishes_the_recording(free_port, tmp_path, eventually, default_hangup):
    video = tmp_path / "demo.mp4"
    command = ["setsid", "--ctty", *program(fake=True), "demo", "--no-open"]
    ours, terminal = os.openpty()
    command += ["--port", str(free_port), "--record", str(video)]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, text=True) as process:
        try:
            os.close(terminal)
            with httpx.Client() as client:
                Server(process, free_port, client, eventually).wait_for_recording(frames=5)
            os.close(ours)
            assert process.wait(60) == 0
        finally:
            process.kill()
    data = video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert '"end"' in video.with_suffix(".jsonl").read_text("utf-8").splitlines()[-1]


@pytest.mark.slow
def test_names_that_are_no_text_work_on_the_page_in_recordings_and_when_published(
    fake_program, free_port, eventually, monkeypatch, tmp_path
):
    monkeypatch.setattr("live_cam.cli.serve.os", SimpleNamespace(_exit=sys.exit))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # the program sets it
    monkeypatch.chdir(tmp_path)
    video = write_video(tmp_path / "film.mp4", [grey(100)] * 25).rename(tmp_path / "caf\udce9.mp4")
    responses: dict[str, httpx.Response] = {}

    def get(path: str) -> httpx.Response:
        responses[path] = httpx.get(f"http://127.0.0.1:{free_port}{path}", timeout=30)
        return responses[path]

    def is_recorded() -> bool:
        with suppress(httpx.TransportError):
            stats = get("/stats")
            if stats.status_code != 200:
                return True
            return stats.json()["recording"]["bytes"] > 0 and stats.json()["publishers"][0]["sent"] > 0
        return False

    def use_it() -> None:
        try:
            eventually(is_recorded)
            get("/snapshot")
            httpx.post(f"http://127.0.0.1:{free_port}/recordings/stop", timeout=30)
            eventually(lambda: get("/stats").json()["recording"]["state"] == "finished")
            get(r"/recordings/new\udce9.mp4".replace("\\", "%5C"))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as executor:
        used = executor.submit(use_it)
        words = "--record", "new\udce9.mp4", "--publish", "public"
        result = fake_program(video.name, "--no-open", "--port", free_port, *words)
        used.result()
    assert {path: response.status_code for path, response in responses.items()} == dict.fromkeys(responses, 200)
    assert responses["/stats"].json()["source"]["name"] == r"caf\udce9.mp4"
    assert responses["/stats"].json()["recording"]["file"] == r"new\udce9.mp4"
    assert r"caf\udce9.mp4: http" in result.stdout
    assert (tmp_path / "new\udce9.mp4").exists()
    assert r"Publishing caf\udce9.mp4 to public/index.m3u8" in result.stdout
    assert (tmp_path / "public" / "index.m3u8").read_text().endswith("#EXT-X-ENDLIST\n")


def test_a_missing_camera_is_reported_and_waited_for_until_sigterm(
    fake_program, free_port, eventually, monkeypatch, tmp_path
):
    monkeypatch.setattr("live_cam.cli.serve.os", SimpleNamespace(_exit=sys.exit))
    monkeypatch.setattr(logging.root, "handlers", [])  # so that the program adds its own
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # the program sets it
    stats: dict[str, Any] = {}
    modes: list[int] = []

    def stop_once_reported() -> None:
        def is_reported() -> bool:
            with suppress(httpx.TransportError):
                stats.update(httpx.get(f"http://127.0.0.1:{free_port}/stats", timeout=30).json())
            return bool(stats) and stats["source"]["state"] != "starting"

        try:
            eventually(is_reported)
            modes.extend(stat.S_IMODE(folder.stat().st_mode) for folder in tmp_path.glob("live_cam-*"))
        finally:
            for _ in range(2):  # once is enough
                os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as executor:
        stopped = executor.submit(stop_once_reported)
        result = fake_program("97", "--no-open", "--port", free_port)
        stopped.result()
    assert result.status == 0, result.stderr
    assert "there is no camera /dev/video97" in result.stderr.splitlines()[0]
    assert f"http://127.0.0.1:{free_port}/" in result.stdout
    assert stats["source"]["state"] in ("lost", "reconnecting")
    assert "/dev/video97" in stats["source"]["message"]
    assert modes == [0o700]
    assert list(tmp_path.iterdir()) == []
