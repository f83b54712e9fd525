"""A picture or video that a viewer sent: kept in memory, and decoded in a process of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Final

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import SourceError
from live_cam.sources.base import SourceKind
from live_cam.sources.video_file import FileStream, TimedRgb
from live_cam.text import encodable, printable

MAX_UPLOAD_BYTES: Final = 64 << 20
"""A minute or so of a phone's video."""

_MAX_NAME_LENGTH = 100
_UNNAMED = "Pasted picture"
_STILL_INTERVAL_NS = 100_000_000
"""How often a picture that stays is delivered again."""


class UploadSource:
    """A picture, at its own pace if it moves, or a video, in a loop.

    Its bytes are in memory (on Linux; elsewhere in a temporary file) until neither it nor a stream of it is used.
    """

    kind: SourceKind = "file"

    def __init__(self, data: bytes, name: str = "", clock: Clock = MONOTONIC) -> None:
        """Keeps the file.

        Args:
            data: The file, of at most `MAX_UPLOAD_BYTES`.
            name: Its name for people; of a path the last part.
            clock: For its pace.
        """
        last_part = " ".join(name.replace("\\", "/").rpartition("/")[2].split())
        self.name = printable(encodable(last_part))[:_MAX_NAME_LENGTH] or _UNNAMED
        self._file = _MemoryFile(data)
        self._clock = clock

    def open(self) -> UploadStream:
        """Starts at the first frame.

        Raises:
            SourceError: It is neither a picture nor a video that can be decoded within the limits.
        """
        return UploadStream(self._file, self.name, self._clock)


class UploadStream(FileStream):
    """An uploaded file from its first frame on."""

    def __init__(self, file: _MemoryFile, name: str, clock: Clock) -> None:
        self._file = file  # which the decoder opens again for each round
        self._still: TimedRgb | None = None
        super().__init__(file.path, clock, name, is_upload=True)

    def _decode(self) -> TimedRgb:
        if self._still is None:
            decoded = self._decode_or_end()
            if decoded is not None:
                return decoded
            if self._shown is None:
                raise SourceError(f"{self._name} holds no picture; send another file")
            self._still = self._shown
        self._still = self._still[0], self._still[1] + _STILL_INTERVAL_NS
        return self._still


class _MemoryFile:
    """A file that is gone when this object is.

    Attributes:
        path: By which other processes of this user open it.
    """

    def __init__(self, data: bytes) -> None:
        if sys.platform == "linux":
            descriptor = os.memfd_create("live_cam")
            self.path = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
            weakref.finalize(self, os.close, descriptor)
        else:
            descriptor, path = tempfile.mkstemp(prefix="live_cam-")
            self.path = Path(path)
            weakref.finalize(self, self.path.unlink, missing_ok=True)
        with open(descriptor, "wb", closefd=sys.platform != "linux") as file:
            file.write(data)
