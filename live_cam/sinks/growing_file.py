"""A text file that is on disk, whole, after each addition: for what must outlive a kill."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from live_cam.errors import OutputError


class GrowingFile:
    """A new file, to which text is added."""

    def __init__(self, path: Path, begin: str) -> None:
        """Opens it with its first text.

        Raises:
            OutputError: The file is there already, or can't be written, and then is not there.
        """
        self.path = path
        try:
            # Unbuffered: each addition is one write, which a kill can't tear apart.
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        try:
            self.add(begin)
        except BaseException:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def add(self, text: str) -> None:
        """Adds all of a text, or nothing.

        Raises:
            OutputError: The disk is full, or fails.
        """
        # Names of files may hold bytes that are no text; JSON reads them back from these escapes.
        data = text.encode(errors="backslashreplace")
        try:
            end = self._file.tell()
            if self._file.write(data) != len(data):
                self._file.seek(end)
                self._file.truncate()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Closes it.

        Raises:
            OutputError: The disk fails.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path.name} can't be written on: {error.strerror or error}")
