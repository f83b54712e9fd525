"""Files that are complete or absent: checks, new files, atomic replacements, append-only files, locks."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from live_cam.errors import OutputError, SourceError, UsageError

_log = logging.getLogger("live_cam")


def require_file(path: Path, instead: str, name: str | None = None) -> None:
    """Raises SourceError unless `path` is a file.

    Args:
        path: The input file.
        instead: What to give, for the message.
        name: What the message calls it; by default its path.
    """
    try:
        reason = None if path.is_file() else _why_no_file(path)
    except OSError as error:  # a name too long, a directory without permission
        reason = f"cannot be accessed ({error.strerror})"
    if reason is not None:
        raise SourceError(f"{name or path} {reason}; give {instead}")


def _why_no_file(path: Path) -> str:
    if path.exists():
        return "is a pipe, which is not read" if path.is_fifo() else "is not a file"
    if str(path) == "-":
        return "would be standard input, which is not read"
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.IGNORECASE):
        return "is an address, from which nothing is downloaded"
    return "does not exist"


def require_absent(path: Path) -> None:
    """Raises OutputError if `path` exists, or is no name that a file can have."""
    try:
        exists = path.exists()
    except OSError as error:
        raise write_error(path, error) from error
    if exists:
        raise OutputError(f"{path} already exists and is not overwritten; choose another name or remove it")


def require_directory(path: Path) -> None:
    """Raises OutputError unless the parent of `path` is a directory."""
    if not path.parent.is_dir():
        raise OutputError(f"there is no directory {path.parent} for {path.name}; create it first")


def require_writable(directory: Path) -> None:
    """Raises OutputError unless files can be created in a directory; viewers see its name, not where it is."""
    try:
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        name = directory.absolute().name or directory
        raise OutputError(f"the folder {name} is not writable ({error.strerror}); choose another one") from error


def require_new(path: Path, suffix: str) -> None:
    """Checks, before any work starts, that `path` can become a new file.

    Raises:
        UsageError: It does not end with `suffix`.
        OutputError: It exists, or its directory does not.
    """
    if path.suffix.casefold() != suffix:
        raise UsageError(f"{path} should end with {suffix}")
    require_absent(path)
    require_directory(path)


def write_error(path: Path | str, error: Exception) -> OutputError:
    """Returns the error to raise when a file cannot be written; `error` is the system's or FFmpeg's."""
    return OutputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Creates a file that must not exist, and removes it if the block fails.

    Raises:
        OutputError: The file exists, or cannot be written.
    """
    try:
        file = path.open("xb")
    except OSError as error:
        raise write_error(path, error) from error
    try:
        with file:
            yield file
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(path, error) from error
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file that replaces `path` when the block ends, and is removed if the block fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_hidden_name(path)}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink()
        raise


def part_path(path: Path, suffix: str) -> Path:
    """Returns where to make a file before it gets its name: hidden beside it, with a short name of its own."""
    return path.with_name(f"{_hidden_name(path)}.part{suffix}")


def remove_parts(path: Path) -> None:
    """Removes what killed processes have left of a file in the making; no other may be making it."""
    for part in path.parent.glob(f"{_hidden_name(path)}.*"):
        part.unlink(missing_ok=True)


def _hidden_name(path: Path) -> str:
    """Returns the beginning of a short name for a file in the making: its own name may be as long as names can be."""
    return f".live_cam-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}"


def link_new(source: Path, path: Path) -> None:
    """Hard-links a file as `path` on the same file system, or moves it there if that has no hard links.

    Raises:
        OutputError: `path` exists, or cannot be created.
    """
    try:
        try:
            os.link(source, path)
        except FileExistsError:
            raise
        except OSError:
            path.open("xb").close()  # reserves the name: replacing alone would overwrite
            os.replace(source, path)
    except OSError as error:
        raise write_error(path, error) from error


def move_new(source: Path, path: Path) -> None:
    """Moves a file to `path` on the same file system.

    Raises:
        OutputError: `path` exists, or cannot be created.
    """
    link_new(source, path)
    source.unlink(missing_ok=True)


def lock_file(path: Path, purpose: str) -> AbstractContextManager[object]:
    """Locks a file, which a killed process releases; one that has to wait for another says so once.

    Args:
        path: The file; it stays, since two processes could hold it if it were removed.
        purpose: What the other process does meanwhile, such as "convert the network".

    Raises:
        OSError: It can't be created or locked.
    """
    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        _log.warning("waiting for another live-cam to %s", purpose)
        return lock.acquire()


class AppendOnlyFile:
    """A new text file that grows by whole additions.

    Errors name the file without its directory, since viewers of the page see them.
    """

    def __init__(self, path: Path, content: str) -> None:
        """Creates the file with its first content.

        Raises:
            OutputError: The file exists, or cannot be written; then none is left behind.
        """
        self.path = path
        try:
            # Unbuffered: each addition is one write, which a kill cannot split.
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise write_error(path.name, error) from error
        try:
            self.append(content)
        except BaseException:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, text: str) -> None:
        """Appends all of a text, or nothing.

        Raises:
            OutputError: The disk is full, or fails.
        """
        # File names may hold bytes that are not valid text; JSON parsers restore them from these escapes.
        data = text.encode(errors="backslashreplace")
        try:
            end = self._file.tell()
            if self._file.write(data) != len(data):
                self._file.seek(end)
                self._file.truncate()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise write_error(self.path.name, error) from error

    def close(self) -> None:
        """Closes the file.

        Raises:
            OutputError: The disk fails.
        """
        try:
            self._file.close()
        except OSError as error:
            raise write_error(self.path.name, error) from error
