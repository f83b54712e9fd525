"""`live-cam annotate` and `--record` as a person types them: real processes, real weights, real videos."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import av
import httpx
import pytest

from live_cam.explain.weights import find_weights


def run(*words: object, cwd=None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "live_cam", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd)


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Kills it in the end, so that a test which fails does not wait for it."""
    command = [sys.executable, "-m", "live_cam", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module", autouse=True)
def weights_at_hand():
    """So that no process under test has a progress bar for them to show."""
    find_weights()


@pytest.fixture(scope="module")
def short_clip(real_videos, tmp_path_factory):
    """The first 20 pictures of a camera's video."""
    path = tmp_path_factory.mktemp("clips") / "bikes.mp4"
    with av.open(real_videos / "bikes.mp4") as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for _, packet in zip(range(20), source.demux(video=0), strict=False):
            packet.stream = stream
            target.mux(packet)
    return path


@pytest.fixture
def long_film(real_videos, tmp_path):
    """A film four times over, which takes many times as long to annotate as an interrupt takes to come."""
    path = tmp_path / "long.mp4"
    with av.open(path, "w") as target:
        begin = 0
        for _ in range(4):
            with av.open(real_videos / "bigbuckbunny.mp4") as source:
                film = source.streams.video[0]
                stream = target.streams.video[0] if begin else target.add_stream_from_template(film)
                for packet in source.demux(film):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + begin, packet.dts + begin
                        packet.stream = stream
                        target.mux(packet)
                begin += film.duration
    return path


def pictures_in(path):
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_folder_is_annotated_a_broken_file_spoils_no_other_and_done_ones_are_skipped(short_clip, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(short_clip, clips / "a.mp4")
    shutil.copy(short_clip, clips / "c.mp4")
    (clips / "b.mp4").write_bytes(b"no video")
    (clips / "notes.txt").write_text("no video either")

    result = run("annotate", clips, "-o", tmp_path / "out", "--json")
    assert result.returncode == 1, result.stderr
    files = json.loads(result.stdout)["files"]
    assert [(file["state"], file["frames"], file["explained"]) for file in files] == [
        ("done", pictures_in(short_clip), pictures_in(short_clip)),
        ("failed", 0, 0),
        ("done", pictures_in(short_clip), pictures_in(short_clip)),
    ]
    complaint = result.stderr.splitlines()[-1]
    assert complaint.startswith("live-cam: ")
    assert "b.mp4" in complaint
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jsonl", "a.mp4", "c.jsonl", "c.mp4"]
    assert pictures_in(tmp_path / "out" / "a.mp4") == pictures_in(short_clip)
    line = json.loads((tmp_path / "out" / "a.jsonl").read_text("utf-8").splitlines()[1])
    assert line["top"][0]["probability"] > 0.05

    (clips / "b.mp4").unlink()
    again = run("annotate", f"{clips}/*.mp4", "-o", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 2


def test_one_file_becomes_one_file(short_clip, tmp_path):
    result = run("annotate", short_clip, "-o", tmp_path / "seen.mkv", "--every", "5", "--subtitles")
    assert result.returncode == 0, result.stderr
    assert f"seen.mkv: {pictures_in(short_clip)} frames, 4 explained" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen.jsonl", "seen.mkv", "seen.vtt"]


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("missing*.mp4", "-o", "out"), ("missing*.mp4 names no video",)),
        (("a.mp4", "b.mp4", "-o", "out.mp4"), ("2 videos don't fit", "give a folder")),
        (("x/a.mp4", "y/a.mp4", "-o", "out"), ("would both become",)),
        (("a.mp4", "-o", "out.gif"), ("out.gif should end with one of .mp4, .mkv, .webm", "make it first")),
        (("a.mp4", "b.mp4", "-o", "out.v2"), ("out.v2 should end with one of", "make it first")),
        (("a.mp4", "-o", "out", "--versus", "lion", "--against"), ("--versus and --against",)),
        (("a.mp4", "-o", "out.webm", "--codec", "h264"), (".webm files hold no h264",)),
        (("a.mp4", "-o", "out", "--classes", "lion,cheeta"), ("'cheeta'",)),
        (("a.mp4", "-o", "out", "--target", "lion", "--versus", "lion"), ("the same class",)),
    ],
)
def test_wrong_usage_is_told_before_anything_slow(tmp_path, words, fragments):
    result = run("annotate", *words, cwd=tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert all(fragment in line for fragment in fragments), line
    assert not list(tmp_path.iterdir())


def test_a_file_in_a_folder_that_is_not_there_is_told(short_clip, tmp_path):
    result = run("annotate", short_clip, "-o", tmp_path / "missing" / "new.mp4")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith("missing to write new.mp4 into")
    assert not list(tmp_path.iterdir())


def test_interrupted_it_leaves_nothing_half_done(long_film, tmp_path):
    out = tmp_path / "out"
    with started("annotate", long_film, "-o", out) as annotating:
        while not any(part.stat().st_size for part in out.rglob("long.mp4")) and annotating.poll() is None:
            time.sleep(0.05)
        annotating.send_signal(signal.SIGINT)
        told, _ = annotating.communicate(timeout=30)
    assert annotating.returncode not in (0, None)
    assert "Traceback" not in told
    assert not list(out.iterdir())


def wait_for_recording(live, port, seconds):
    """Waits until so much is recorded, with about 20 frames at least."""
    explained_before, limit_s = None, time.monotonic() + 240
    while live.poll() is None:
        assert time.monotonic() < limit_s
        time.sleep(0.1)
        try:
            stats = httpx.get(f"http://127.0.0.1:{port}/stats").json()
        except httpx.TransportError:
            continue
        recording, explained = stats["recording"], stats["frames"]["explained"]
        if explained_before is None and recording["seconds"]:
            explained_before = explained
        if recording["seconds"] >= seconds and explained - explained_before - recording["dropped"] >= 20:
            return


@pytest.mark.parametrize("pause_s", [0.05, 0.3])
def test_interrupted_twice_the_recording_plays_all_the_same(tmp_path, free_port, pause_s):
    video = tmp_path / "demo.mp4"
    with started("demo", "--no-open", "--port", free_port, "--record", video) as live:
        wait_for_recording(live, free_port, seconds=0.5)
        live.send_signal(signal.SIGINT)
        time.sleep(pause_s)
        live.send_signal(signal.SIGINT)
        told, _ = live.communicate(timeout=60)
    assert live.returncode == 0, told
    assert "Traceback" not in told
    assert pictures_in(video) > 2
    assert '"end"' in video.with_suffix(".jsonl").read_text("utf-8").splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.jsonl", "demo.mp4"]


def test_the_live_view_is_recorded_until_the_end(tmp_path, free_port):
    video = tmp_path / "demo.mp4"
    with started("demo", "--no-open", "--port", free_port, "--record", video, "--view", "both") as live:
        wait_for_recording(live, free_port, seconds=1.5)
        live.send_signal(signal.SIGINT)
        told, _ = live.communicate(timeout=60)
    assert live.returncode == 0, told
    assert re.search(rf"^Recorded {re.escape(str(video))}, [1-9]", told, re.MULTILINE)
    with av.open(video) as container:
        assert container.streams.video[0].frames == len(list(container.decode(video=0))) > 10
        assert container.streams.video[0].width == 2 * 640
    data = video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    end = json.loads(video.with_suffix(".jsonl").read_text("utf-8").splitlines()[-1])["end"]
    assert end["dropped"] < end["frames"]


@pytest.mark.parametrize(
    ("words", "status", "fragments"),
    [
        (("demo", "--record", "there-2.mp4"), 1, ("there-2.mp4 is there already and is not overwritten",)),
        (("demo", "demo", "--record", "there.mp4"), 1, ("there-2.mp4 is there already and is not overwritten",)),
        (("demo", "--record", "notes.mp4", "--subtitles"), 1, ("notes.vtt is there already",)),
        (("demo", "--record", "new.avi"), 2, ("new.avi should end with one of",)),
        (("demo", "--record", "missing/new.mp4"), 1, ("there is no folder missing",)),
        (("browser", "--record", "new.mp4"), 2, ("visitors' cameras are not recorded",)),
        (("demo", "--container", "webm", "--codec", "h264"), 2, (".webm files hold no h264",)),
    ],
)
def test_a_recording_that_can_not_be_is_told_before_anything_slow(tmp_path, words, status, fragments):
    for name in ("there-2.mp4", "notes.vtt"):
        (tmp_path / name).write_text("precious")
    result = run(*words, "--no-open", "--weights", "none.npz", cwd=tmp_path)  # slow is the explainer, with its weights
    assert result.returncode == status
    (line,) = result.stderr.splitlines()
    assert all(fragment in line for fragment in fragments), line
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "there-2.mp4": "precious",
        "notes.vtt": "precious",
    }
