"""Converted steps on disk: each is converted by one process while the others wait for it."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from live_cam.errors import LiveCamError
from live_cam.files import lock_file

_MODEL_NAME: Final = "step.xml"
_MAX_BYTES: Final = 2_000_000_000

_log = logging.getLogger("live_cam")

T = TypeVar("T")


class StepFiles:
    """A folder of converted steps, up to a number of bytes; those that were used longest ago are removed."""

    def __init__(self, cache: Path, max_bytes: int = _MAX_BYTES) -> None:
        """Creates nothing.

        Args:
            cache: The folder; steps are then converted for this run only if it can't be written.
            max_bytes: How much the steps may take.
        """
        self._cache = cache
        # Its own, since the child of a killed process may go on converting for a while.
        self._partial = cache / f"step.partial-{os.getpid()}"
        self._max_bytes = max_bytes

    def load(self, key: str, read: Callable[[Path], T], convert: Callable[[Path], None]) -> T:
        """Returns a step, which is converted if the folder lacks it.

        Args:
            key: Its name.
            read: Reads the .xml file; raises RuntimeError if it is missing or corrupt.
            convert: Writes the .xml file.

        Raises:
            LiveCamError: It can't be converted.
        """
        folder = self._cache / f"step-{key}"
        step = _find(folder, read)
        if step is None:
            with self._lock():
                step = _find(folder, read)  # another process may have converted it meanwhile
                if step is None:
                    step = self._convert(folder, read, convert)
        return step

    def find(self, key: str) -> Path | None:
        """Returns the .xml file of a step that the folder has; None if it has none."""
        path = self._cache / f"step-{key}" / _MODEL_NAME
        return path if path.is_file() else None

    def _lock(self) -> AbstractContextManager[object]:
        """Keeps other processes from converting meanwhile, if the folder can be written at all."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            return lock_file(self._cache / "steps.lock", "convert the network")
        except OSError:
            return nullcontext()

    def _convert(self, folder: Path, read: Callable[[Path], T], convert: Callable[[Path], None]) -> T:
        """Converts into `folder`, which then contains the whole step; if it can't be written, for this run only."""
        _log.info("converting the network for this machine, once: this takes 10 s and more")
        for abandoned in self._cache.glob("step.partial*"):  # this process has the lock
            shutil.rmtree(abandoned, ignore_errors=True)
        try:
            self._partial.mkdir()
            convert(self._partial / _MODEL_NAME)
            shutil.rmtree(folder, ignore_errors=True)
            self._partial.rename(folder)
        except LiveCamError:
            shutil.rmtree(self._partial, ignore_errors=True)
            raise
        except OSError:
            shutil.rmtree(self._partial, ignore_errors=True)
            with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
                convert(Path(temporary) / _MODEL_NAME)
                return read(Path(temporary) / _MODEL_NAME)
        self._prune()
        return read(folder / _MODEL_NAME)

    def _prune(self) -> None:
        """Removes the steps that were used longest ago, but never the newest; the caller holds the lock."""
        with suppress(OSError):
            total_bytes = 0
            for folder in sorted(self._cache.glob("step-*"), key=_last_used_ns, reverse=True):
                is_newest = not total_bytes
                total_bytes += sum(file.stat().st_size for file in folder.iterdir())
                if total_bytes > self._max_bytes and not is_newest:
                    self._remove(folder)

    def _remove(self, folder: Path) -> None:
        """Removes a step as a whole or not at all: Windows keeps what another process has mapped."""
        with suppress(OSError):
            folder.rename(self._partial)
            shutil.rmtree(self._partial, ignore_errors=True)


def _find(folder: Path, read: Callable[[Path], T]) -> T | None:
    try:
        step = read(folder / _MODEL_NAME)
    except RuntimeError:
        return None
    with suppress(OSError):
        os.utime(folder)
    return step


def _last_used_ns(folder: Path) -> int:
    return folder.stat().st_mtime_ns
