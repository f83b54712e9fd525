"""A file that grows by whole additions, and is absent until the first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


class GrowingFile:
    """What a muxer writes to: kept in memory until `commit` writes all of it at once.

    It has the methods that PyAV expects of a file.

    Attributes:
        end: Where the muxer's output ends.
        size_bytes: Size on disk; 0 before there is a file.
    """

    def __init__(self, path: Path) -> None:
        """Prepares; the first commit creates the file."""
        self._path = path
        self._file: BinaryIO | None = None
        self._position = 0
        self._pending: list[tuple[int, bytearray]] = []
        self._committed = 0
        self._provisional = b""
        self.end = 0
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Keeps data for the next commit."""
        if self._pending and self._position == self._pending[-1][0] + len(self._pending[-1][1]):
            self._pending[-1][1].extend(data)
        else:
            self._pending.append((self._position, bytearray(data)))
        self._position += len(data)
        self.end = max(self.end, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to another position, and returns it."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.end}[whence]
        return self._position

    def tell(self) -> int:
        """Returns the position."""
        return self._position

    def commit(self, provisional: bytes = b"") -> None:
        """Writes what the muxer has written since the last commit, in one piece where it is one.

        Args:
            provisional: Data for the end of the file that the next commit replaces.

        Raises:
            OSError: The file exists, the disk is full, or fails; then the file stays as the last commit has left it.
        """
        end, position = self.end, self._position
        self.seek(end)
        self.write(provisional)
        self.end, self._position = end, position
        # What replaces committed data comes last, so that a disk that is full has not changed it.
        pending = sorted(self._pending, key=lambda write: write[0] < self._committed)
        self._pending = []
        if self._file is None:
            self._file = self._path.open("xb", buffering=0)
        try:
            for start, data in pending:
                self._write_at(start, data)
            if end + len(provisional) < self.size_bytes:
                self._file.truncate(end + len(provisional))
        except OSError:
            self._restore()
            raise
        self._committed, self._provisional = end, provisional
        self.size_bytes = end + len(provisional)

    def close(self) -> None:
        """Closes the file; what was not committed is lost."""
        if self._file is not None:
            self._file.close()

    def _restore(self) -> None:
        assert self._file is not None
        if not self.size_bytes:
            self._file.close()
            self._path.unlink(missing_ok=True)
            return
        with suppress(OSError):
            self._write_at(self._committed, self._provisional)
            self._file.truncate(self.size_bytes)

    def _write_at(self, position: int, data: bytes | bytearray) -> None:
        assert self._file is not None
        self._file.seek(position)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
