"""`live-cam annotate`."""

from __future__ import annotations

import json
import shutil
import signal
from typing import Any

import av
import pytest
from filelock import FileLock

_START_LIMIT_S = 240.0


@pytest.fixture(scope="module")
def short_clip(real_videos, tmp_path_factory):
    """The first 20 frames of a camera's video."""
    path = tmp_path_factory.mktemp("clips") / "bikes.mp4"
    with av.open(real_videos / "bikes.mp4") as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for _, packet in zip(range(20), source.demux(video=0), strict=False):
            packet.stream = stream
            target.mux(packet)
    return path


@pytest.fixture
def long_film(real_videos, tmp_path):
    """A film four times over: annotating it takes many times as long as an interrupt takes to arrive."""
    path = tmp_path / "long.mp4"
    with av.open(path, "w") as target:
        start = 0
        for _ in range(4):
            with av.open(real_videos / "bigbuckbunny.mp4") as source:
                film = source.streams.video[0]
                stream = target.streams.video[0] if start else target.add_stream_from_template(film)
                for packet in source.demux(film):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + start, packet.dts + start
                        packet.stream = stream
                        target.mux(packet)
                start += film.duration
    return path


def count_frames(path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.slow
def test_a_folder_is_annotated_despite_a_broken_file_and_done_ones_are_skipped(fake_program, short_clip, tmp_path):
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    shutil.copy(short_clip, clips / "a.mp4")
    shutil.copy(short_clip, clips / "c.mp4")
    (clips / "b.mp4").write_bytes(b"no video")
    (clips / "notes.txt").write_text("no video either")
    frames = count_frames(short_clip)

    result = fake_program("annotate", clips, "-o", out, "--json")
    assert result.status == 1, result.stderr
    files: list[dict[str, Any]] = json.loads(result.stdout)["files"]
    assert [(file["state"], file["frames"], file["explained"]) for file in files] == [
        ("done", frames, frames),
        ("failed", 0, 0),
        ("done", frames, frames),
    ]
    error = result.stderr.splitlines()[-1]
    assert error.startswith("live-cam: ")
    assert "b.mp4" in error
    assert sorted(path.name for path in out.iterdir()) == ["a.jsonl", "a.mp4", "c.jsonl", "c.mp4"]
    assert count_frames(out / "a.mp4") == frames

    (clips / "b.mp4").unlink()
    again = fake_program("annotate", f"{clips}/*.mp4", "-o", out)
    assert again.status == 0, again.stderr
    assert again.stdout.count("done before") == 2


@pytest.mark.slow
def test_one_video_becomes_one_file(live_cam, shared_explainer, short_clip, tmp_path):
    result = live_cam("annotate", short_clip, "-o", tmp_path / "new.mkv", "--every", "5", "--subtitles")
    assert result.status == 0, result.stderr
    assert f"new.mkv: {count_frames(short_clip)} frames, 4 explained" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.jsonl", "new.mkv", "new.vtt"]
    line = json.loads((tmp_path / "new.jsonl").read_text("utf-8").splitlines()[1])
    assert line["top"][0]["probability"] > 0.05
    assert shared_explainer[0]["performance_hint"] == "throughput"


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("missing*.mp4", "-o", "out"), ("missing*.mp4 matches no video",)),
        (("a.mp4", "b.mp4", "-o", "out.mp4"), ("out.mp4 is one file", "2 videos", "give a folder")),
        (("x/a.mp4", "y/a.mp4", "-o", "out"), ("would both become",)),
        (("a.mp4", "-o", "out.gif"), ("out.gif should end with one of .mp4, .mkv, .webm", "create it first")),
        (("a.mp4", "b.mp4", "-o", "out.v2"), ("out.v2 should end with one of", "create it first")),
        (("a.mp4", "-o", "out", "--contrast", "lion", "--counterfactual"), ("--contrast and --counterfactual",)),
        (("a.mp4", "-o", "out.webm", "--codec", "h264"), ("h264", "webm")),
        (("a.mp4", "-o", "out", "--classes", "lion,cheeta"), ("'cheeta'",)),
        (("a.mp4", "-o", "out", "--target", "lion", "--contrast", "lion"), ("the same class",)),
    ],
)
def test_wrong_usage_is_reported_before_anything_slow(live_cam, tmp_path, monkeypatch, words, fragments):
    monkeypatch.chdir(tmp_path)
    # Slow is the explainer, which would report its weights.
    error = live_cam("annotate", *words, "--weights", "none.npz").error(2)
    assert all(fragment in error for fragment in fragments), error
    assert not list(tmp_path.iterdir())


def test_an_output_in_a_missing_folder(live_cam, short_clip, tmp_path):
    error = live_cam("annotate", short_clip, "-o", tmp_path / "missing" / "new.mp4", "--weights", "none.npz").error(1)
    assert str(tmp_path / "missing") in error
    assert "new.mp4" in error
    assert not list(tmp_path.iterdir())


def test_a_folder_into_which_another_process_writes(live_cam, short_clip, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".live_cam.lock"):
        error = live_cam("annotate", short_clip, "-o", out, "--weights", "none.npz").error(1)
    assert f"another live-cam annotate writes into {out}" in error


@pytest.mark.slow
def test_interrupted_it_leaves_no_file(start_process, eventually, long_film, tmp_path):
    out = tmp_path / "out"
    with start_process("annotate", long_film, "-o", out) as process:  # with the network's threads at work
        eventually(
            lambda: process.poll() is not None or any(part.stat().st_size for part in out.rglob("long.mp4")),
            within_s=_START_LIMIT_S,
        )
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert not list(out.iterdir())


def test_after_an_error_the_output_folder_is_unlocked(live_cam, short_clip, tmp_path):
    for _ in range(2):
        error = live_cam("annotate", short_clip, "-o", tmp_path, "--weights", "none.npz").error(1)
        assert "none.npz" in error
    assert not list(tmp_path.iterdir())
