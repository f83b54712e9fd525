"""The pictures of a folder."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from live_cam.errors import SourceError
from live_cam.sources.pictures.formats import format_of
from live_cam.text import encodable


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file in a folder.

    Attributes:
        path: The file.
        name: Its path within the folder, with slashes, as text.
        size_bytes, modified_ns: What changes when the file does.
        true_class: Its true class; None if that is not known.
    """

    path: Path
    name: str
    size_bytes: int
    modified_ns: int
    true_class: int | None = None


def find_pictures(folder: Path, left_out: Path | None = None) -> list[Picture]:
    """Returns the image files of a folder and its subfolders, in the order of their names.

    Those are files that begin as an image does, and those whose names are those of images, whatever they contain.

    Args:
        folder: The folder; links to folders are followed, each folder is entered once, hidden files are passed over.
        left_out: A folder that is passed over, such as that of a report.

    Raises:
        SourceError: The folder can't be read, or holds no picture.
    """
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(f"{folder} {reason}; give a folder of pictures")
    try:
        found = list(_walk(folder, left_out))
    except OSError as error:
        raise SourceError(f"{error.filename} can't be read ({error.strerror}); give a folder that can") from error
    if not found:
        raise SourceError(f"{folder} holds no picture; put JPEG, PNG or WebP files into it or its subfolders")
    return sorted(found, key=lambda picture: picture.name)


def picture_name(text: str, folder: Path) -> str:
    """Returns the name of the picture that a table calls by a path: relative to the folder, or absolute."""
    path = PurePosixPath(text.replace("\\", "/"))
    for start in (folder, folder.absolute()):
        if path.is_absolute() and path.is_relative_to(start.as_posix()):
            return path.relative_to(start.as_posix()).as_posix()
    return path.as_posix()


def _walk(folder: Path, left_out: Path | None) -> Iterator[Picture]:
    def fail(error: OSError) -> None:
        raise error

    entered = set() if left_out is None else {os.path.realpath(left_out)}
    for directory, subfolders, files in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(directory)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(each for each in subfolders if not each.startswith("."))
        for path in (Path(directory, file) for file in files if not file.startswith(".")):
            if path.is_file() and _is_image(path):
                status = path.stat()
                name = encodable(path.relative_to(folder).as_posix())
                yield Picture(path, name, status.st_size, status.st_mtime_ns)


def _is_image(path: Path) -> bool:
    kind, _ = mimetypes.guess_type(path.name)
    if (kind or "").startswith("image/"):
        return True
    known = format_of(path)
    return known is not None and known.is_readable
