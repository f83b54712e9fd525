"""Examples from a folder, or a ZIP of one: subfolders are classes, with pictures, groups of pictures, and videos."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError, UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.sources.pictures.formats import format_of
from live_cam.sources.pictures.reader import read_rgb
from live_cam.sources.spec import VIDEO_SUFFIXES
from live_cam.teach.examples import Take
from live_cam.teach.labels import check_label
from live_cam.teach.learn import Taught, learn
from live_cam.text import encodable
from live_cam.types import Frame

_FRAME_EVERY_S: Final = 0.2
_MAX_FRAMES: Final = 100
_MAX_TAKES: Final = 20
_MAX_ZIP_BYTES: Final = 4_000_000_000
_MAX_ZIP_FILES: Final = 100_000
_BATCH: Final = 16

OnProgress = Callable[[int, int], None]
"""Called with the number of takes that are done, and of all."""


@dataclass(frozen=True, slots=True)
class TakeFiles:
    """The files of a take: one video, or pictures.

    Attributes:
        class_index: The class.
        paths: The files.
    """

    class_index: int
    paths: tuple[Path, ...]


def teach_folder(
    explainer: ExplainerProtocol, path: Path, name: str, on_progress: OnProgress
) -> tuple[Taught, list[str]]:
    """Teaches the classes of a folder.

    Args:
        explainer: Of the network; its own classes do not matter.
        path: The folder, or a ZIP of one.
        name: The name of the head.
        on_progress: Called after each take.

    Returns:
        What was taught, and why files are left out.

    Raises:
        SourceError: The folder can't be read.
        UsageError: It has fewer than two classes, or one without an example; or the network takes no head.
    """
    explainer.require_linear_head()
    with _opened(path) as folder:
        labels, found = find_takes(folder, encodable(str(path)))
        takes: list[Take] = []
        problems: list[str] = []
        for number, files in enumerate(found, 1):
            activations = list(_activations(explainer, files, folder, problems))
            if activations:
                takes.append(Take.of_frames(files.class_index, activations))
            on_progress(number, len(found))
    return learn(takes, labels, explainer.model.classifier, explainer.model.digest, name), problems


def find_takes(folder: Path, name: str) -> tuple[list[str], list[TakeFiles]]:
    """Finds the takes of a folder: each video, each subfolder of a class, and the pictures beside them.

    Of those, each is a take of its own where they are no more than 20.

    Args:
        folder: The folder, whose subfolders are the classes.
        name: What messages call it.

    Returns:
        The names of the classes, and the takes.

    Raises:
        SourceError: The folder can't be read.
        UsageError: It has fewer than two subfolders, or one whose name can't be that of a class.
    """
    try:
        folders = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        reason = error.strerror
        raise SourceError(f"{name} can't be read ({reason}); give a folder whose subfolders are classes") from error
    if len(folders) < 2:
        raise UsageError(
            f"{name} has {len(folders)} subfolders; give a folder with one for each of two classes or more"
        )
    labels: list[str] = []
    takes: list[TakeFiles] = []
    for index, of_class in enumerate(folders):
        labels.append(check_label(encodable(of_class.name), labels))
        pictures, videos = _files(of_class.iterdir())
        groups = [pictures[i::_MAX_TAKES] for i in range(min(len(pictures), _MAX_TAKES))]
        for inner in sorted(each for each in of_class.iterdir() if each.is_dir() and not each.name.startswith(".")):
            more, further = _files(inner.rglob("*"))
            groups += [more] if more else []
            videos += further
        takes += [TakeFiles(index, tuple(each)) for each in (*groups, *([video] for video in videos))]
    return labels, takes


def _files(paths: Iterator[Path]) -> tuple[list[Path], list[Path]]:
    """Returns the pictures and the videos among some paths, in the order of their names."""
    visible = sorted(path for path in paths if not path.name.startswith(".") and path.is_file())
    videos = [path for path in visible if path.suffix.casefold() in VIDEO_SUFFIXES]
    return [path for path in visible if path not in videos and format_of(path) is not None], videos


def _activations(
    explainer: ExplainerProtocol, files: TakeFiles, folder: Path, problems: list[str]
) -> Iterator[NDArray[np.float32]]:
    batch: list[Frame] = []
    for path in files.paths:
        try:
            for rgb in _frames(path):
                batch.append(Frame(rgb, pts_ns=0))
                if len(batch) == _BATCH:
                    yield from explainer.activations(batch)
                    batch = []
        except SourceError as error:
            problems.append(str(error).replace(f"{folder}/", ""))
    if batch:
        yield from explainer.activations(batch)


def _frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yields a picture, or frames of a video, evenly spaced if it is short.

    Raises:
        SourceError: It can't be read.
    """
    if path.suffix.casefold() not in VIDEO_SUFFIXES:
        yield read_rgb(path)
        return
    with IsolatedVideoReader(path) as video:
        duration_s = video.info.duration_s or 0.0
        interval = max(_FRAME_EVERY_S, duration_s / _MAX_FRAMES) / video.info.time_base
        due, yielded = None, 0
        while yielded < _MAX_FRAMES and (decoded := video.read()) is not None:
            if due is None or decoded.pts >= due:
                due, yielded = decoded.pts + interval, yielded + 1
                yield decoded.rgb


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """Yields a folder, or one that a ZIP is unpacked into meanwhile.

    Raises:
        SourceError: It is neither, or the ZIP can't be unpacked.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file() or not zipfile.is_zipfile(path):
        reason = "is no folder and no ZIP" if path.exists() else "does not exist"
        raise SourceError(f"{path} {reason}; give a folder whose subfolders are classes, or a ZIP of one")
    with TemporaryDirectory(prefix="live_cam-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(folder))
        except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            reason = (str(error).splitlines() or [repr(error)])[0][:200]
            raise SourceError(
                f"{path} can't be unpacked ({reason}); unpack it yourself, and give the folder"
            ) from error
        yield Path(folder)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpacks an archive, which can't write beyond the folder.

    Raises:
        ValueError: It would become too large.
    """
    members: Sequence[zipfile.ZipInfo] = archive.infolist()
    if len(members) > _MAX_ZIP_FILES or sum(each.file_size for each in members) > _MAX_ZIP_BYTES:
        raise ValueError("it holds more than 100,000 files or 4 GB")
    archive.extractall(folder)  # drops absolute paths and `..`, and reads no more than each declares
