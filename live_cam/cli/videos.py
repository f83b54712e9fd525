"""Which video files the words of a command mean, and what becomes of each."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from live_cam.errors import UsageError

_SUFFIXES = ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv"
VIDEO_SUFFIXES: Final = frozenset(_SUFFIXES.split())
"""Of the files that are taken for videos in a folder; a table of the system's would differ between machines."""


def find_videos(words: Sequence[str], output: Path) -> list[Path]:
    """Gives the files meant, in order, each once.

    Args:
        words: Files, folders, and patterns where nothing is of that name.
        output: Where results go; those that are there already are no inputs, unless named one by one.

    Raises:
        UsageError: A word means none.
    """
    found: dict[Path, Path] = {}
    for word in words:
        try:
            files = list(_meant(word, output))
        except OSError as error:
            raise UsageError(f"{word} can't be looked at: {error.strerror}") from error
        if not files:
            raise UsageError(f"{word} names no video; give files, folders with videos, or a pattern that matches some")
        for path in files:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _meant(word: str, output: Path) -> Iterator[Path]:
    path = Path(word)
    if path.is_dir():
        candidates = [each for each in path.iterdir() if each.suffix.casefold() in VIDEO_SUFFIXES]
    elif path.exists() or not glob.has_magic(word):
        yield path
        return
    else:
        candidates = [Path(each) for each in glob.glob(word, recursive=True)]  # noqa: PTH207 (takes absolute ones)
    for each in sorted(candidates):
        if each.is_file() and not each.name.startswith(".") and not _is_result(each, output):
            yield each


def _is_result(path: Path, output: Path) -> bool:
    return path.resolve().parent == output.resolve() and path.with_suffix(".jsonl").exists()


def name_outputs(videos: Sequence[Path], folder: Path, container: str) -> dict[Path, Path]:
    """Gives each video the file in the folder that it becomes: clip.mp4, or clip.avi.mp4 where there are several clips.

    Raises:
        UsageError: Two would become the same.
    """
    stems = Counter(video.stem.casefold() for video in videos)
    made = {
        video: folder / f"{video.stem if stems[video.stem.casefold()] == 1 else video.name}.{container}"
        for video in videos
    }
    first: dict[str, Path] = {}
    for video, path in made.items():
        other = first.setdefault(path.name.casefold(), video)
        if other is not video:
            raise UsageError(f"{other} and {video} would both become {path}; annotate them into different folders")
    return made
