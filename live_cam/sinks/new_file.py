"""Writing files that are new: nothing of the user's is overwritten, nothing half-written stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from live_cam.errors import OutputError, UsageError


def require_new(path: Path, suffix: str) -> None:
    """Tells early that `path` can't become a new file with this suffix.

    Raises:
        UsageError: The name ends otherwise.
        OutputError: The file is there already, or its folder is not.
    """
    if path.suffix.casefold() != suffix:
        raise UsageError(f"{path} should end with {suffix}, which is what is written")
    require_absent(path)
    require_folder(path)


def require_absent(path: Path) -> None:
    """Tells that nothing may be of this name yet.

    Raises:
        OutputError: Something is.
    """
    if path.exists():
        raise OutputError(f"{path} is there already and is not overwritten; give another name or remove it")


def require_folder(path: Path) -> None:
    """Tells that a file of this name needs a folder to be in.

    Raises:
        OutputError: There is none.
    """
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent} to write {path.name} into")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that must not be there yet; what fails in between leaves none behind.

    Raises:
        OutputError: The file is there already, or can't be written.
    """
    try:
        file = path.open("xb")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}") from error
    try:
        with file:
            yield file
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"{path} can't be written: {error.strerror or error}") from error
        raise


def link_new(made: Path, path: Path) -> None:
    """Gives a file one more name on the same disk, which nothing must have yet.

    Where a disk knows no further names the file loses its old one.

    Raises:
        OutputError: There is something of that name already, or it can't be given.
    """
    try:
        try:
            os.link(made, path)
        except FileExistsError:
            raise
        except OSError:
            path.open("xb").close()  # takes the name, which moving alone would take from others
            os.replace(made, path)
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}") from error


def move_new(made: Path, path: Path) -> None:
    """Gives a file another name on the same disk, which nothing must have yet.

    Raises:
        OutputError: There is something of that name already, or it can't be given.
    """
    link_new(made, path)
    made.unlink(missing_ok=True)
