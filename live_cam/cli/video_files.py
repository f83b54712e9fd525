"""Finds the video files that the arguments of a command name, and names the output of each."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from live_cam.errors import UsageError
from live_cam.sources.spec import VIDEO_SUFFIXES

_MAX_STEM_BYTES: Final = 255 - len(".jsonl")


def find_videos(patterns: Sequence[str], output: Path) -> list[Path]:
    """Returns the videos, in order, each once.

    Args:
        patterns: Files, folders, or glob patterns if no file has that name.
        output: The output folder; results in it are no inputs, unless named one by one.

    Raises:
        UsageError: A pattern matches no video, or is not readable.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        try:
            files = list(_expand(pattern, output))
        except OSError as error:
            raise UsageError(f"{pattern} is not readable: {error.strerror}; give another file or folder") from error
        if not files:
            raise UsageError(f"{pattern} matches no video; give files, folders with videos, or a pattern")
        for path in files:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _expand(pattern: str, output: Path) -> Iterator[Path]:
    path = Path(pattern)
    if path.is_dir():
        candidates = [each for each in path.iterdir() if each.suffix.casefold() in VIDEO_SUFFIXES]
    elif path.exists() or not glob.has_magic(pattern):
        yield path
        return
    else:
        candidates = [Path(each) for each in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    for each in sorted(candidates):
        if each.is_file() and not each.name.startswith(".") and not _is_result(each, output):
            yield each


def _is_result(path: Path, output: Path) -> bool:
    with suppress(OSError):  # no sidecar, since its name would be too long
        return path.resolve().parent == output.resolve() and path.with_suffix(".jsonl").exists()
    return False


def name_outputs(videos: Sequence[Path], folder: Path, container: str) -> dict[Path, Path]:
    """Returns the output of each video in the folder: clip.mp4, or clip.avi.mp4 if several have that stem.

    A name that leaves no room for the suffixes of the files beside it loses its end.

    Raises:
        UsageError: Two videos have the same output.
    """
    stems = Counter(video.stem.casefold() for video in videos)
    outputs = {
        video: folder / f"{_shortened(video.stem if stems[video.stem.casefold()] == 1 else video.name)}.{container}"
        for video in videos
    }
    first: dict[str, Path] = {}
    for video, path in outputs.items():
        other = first.setdefault(path.name.casefold(), video)
        if other is not video:
            raise UsageError(f"{other} and {video} would both become {path}; annotate them into different folders")
    return outputs


def _shortened(stem: str) -> str:
    while len(os.fsencode(stem)) > _MAX_STEM_BYTES:
        stem = stem[:-1]
    return stem
