from pathlib import Path

import pytest

from live_cam.cli.videos import find_videos, name_outputs
from live_cam.errors import UsageError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "more/c.ts", "out/b.mp4", "out/b.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(words, output="out"):
    return [str(path) for path in find_videos(words, Path(output))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["."], ["a.MKV", "b.mp4"]),
        (["*.mp4"], ["b.mp4"]),
        (["**/*"], ["a.MKV", "b.mp4", "more/c.ts", "notes.txt"]),
        (["notes.txt", "missing.mp4"], ["notes.txt", "missing.mp4"]),
        (["b.mp4", ".", "./b.mp4"], ["b.mp4", "a.MKV"]),
    ],
)
def test_files_folders_and_patterns(folder, words, expected):
    assert names(words) == expected


def test_results_are_no_inputs_even_where_they_lie_among_these(folder):
    (folder / "b.jsonl").write_text("")
    assert names(["."], ".") == ["a.MKV"]


@pytest.mark.parametrize("word", ["*.avi", "out"])
def test_words_that_mean_nothing(folder, word):
    with pytest.raises(UsageError, match="names no video"):
        names([word])


def test_a_name_that_is_too_long_is_told(folder):
    with pytest.raises(UsageError, match="can't be looked at: File name too long"):
        names(["x" * 300])


def test_outputs_are_named_after_inputs(folder):
    found = [folder / name for name in ("b.mp4", "b.avi", "c.ts")]
    made = name_outputs(found, folder / "out", "mkv")
    assert [path.name for path in made.values()] == ["b.mp4.mkv", "b.avi.mkv", "c.mkv"]


def test_two_of_one_name_are_refused(folder):
    with pytest.raises(UsageError, match="would both become"):
        name_outputs([folder / "x" / "b.mp4", folder / "y" / "B.mp4"], folder / "out", "mp4")
