"""Which video files a command annotates, and into which."""

from pathlib import Path

import pytest

from live_cam.cli.video_files import find_videos, name_outputs
from live_cam.errors import UsageError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "more/c.ts", "out/b.mp4", "out/b.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(patterns, output="out"):
    return [str(path) for path in find_videos(patterns, Path(output))]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["."], ["a.MKV", "b.mp4"]),
        (["*.mp4"], ["b.mp4"]),
        (["**/*"], ["a.MKV", "b.mp4", "more/c.ts", "notes.txt"]),
        (["notes.txt", "missing.mp4"], ["notes.txt", "missing.mp4"]),
        (["b.mp4", ".", "./b.mp4"], ["b.mp4", "a.MKV"]),
    ],
)
def test_files_folders_and_patterns(folder, patterns, expected):
    assert names(patterns) == expected


def test_the_longest_names_leave_room_for_the_files_beside_the_video(tmp_path):
    names = ["x" * 251 + ".mp4", "ü" * 125 + "y.ts"]
    for name in names:
        (tmp_path / name).write_text("")
    outputs = name_outputs(find_videos([str(tmp_path)], tmp_path), tmp_path, "webm")
    assert sorted(path.name for path in outputs.values()) == ["x" * 249 + ".webm", "ü" * 124 + ".webm"]
    for output in outputs.values():
        output.with_suffix(".jsonl").write_text("")


def test_results_are_no_inputs_even_in_the_same_folder(folder):
    (folder / "b.jsonl").write_text("")
    assert names(["."], ".") == ["a.MKV"]


@pytest.mark.parametrize("pattern", ["*.avi", "out"])
def test_patterns_that_match_nothing(folder, pattern):
    with pytest.raises(UsageError, match="matches no video"):
        names([pattern])


def test_a_name_that_is_too_long(folder):
    with pytest.raises(UsageError, match="is not readable: File name too long"):
        names(["x" * 300])


def test_outputs_are_named_after_inputs(folder):
    found = [folder / name for name in ("b.mp4", "b.avi", "c.ts")]
    outputs = name_outputs(found, folder / "out", "mkv")
    assert [path.name for path in outputs.values()] == ["b.mp4.mkv", "b.avi.mkv", "c.mkv"]


def test_two_videos_of_one_name(folder):
    with pytest.raises(UsageError, match="would both become"):
        name_outputs([folder / "x" / "b.mp4", folder / "y" / "B.mp4"], folder / "out", "mp4")
