"""A slide show of the images in a folder."""

from __future__ import annotations

import logging
import re
from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import SourceError
from live_cam.sources.base import Pacer, SourceKind
from live_cam.sources.pictures.reader import read_rgb
from live_cam.sources.pictures.scale import scale_down
from live_cam.text import encodable
from live_cam.types import Frame

IMAGE_S = 3.0
RATE_FPS = 10
"""How often the current image is delivered again: often enough for settings to take effect at once."""

_log = logging.getLogger(__name__)


class FolderSource:
    """A folder's images in the order of their names, `IMAGE_S` seconds each, repeated endlessly."""

    kind: SourceKind = "folder"

    def __init__(self, path: Path, clock: Clock = MONOTONIC) -> None:
        self.name = encodable(path.absolute().name or str(path))
        self._path = path
        self._clock = clock
        self._logged: set[Path] = set()

    def open(self) -> FolderStream:
        """Starts with the first image.

        Raises:
            SourceError: The folder can't be read, or contains no readable image.
        """
        return FolderStream(self._path, self.name, self._logged, self._clock)


class FolderStream:
    """A folder from its first image on."""

    frozen_after_s: float | None = None

    def __init__(self, path: Path, name: str, logged: set[Path], clock: Clock) -> None:
        self._path = path
        self._name = name
        self._logged = logged
        self._queue: deque[Path] = deque()
        self._image = self._next_image()
        self._first_number = 0
        self._number = 0
        self._pacer = Pacer(clock)

    def read(self) -> Frame:
        """Waits until the next frame is due and returns it.

        Raises:
            SourceError: The folder contains no readable image any more.
        """
        if self._number - self._first_number >= IMAGE_S * RATE_FPS:
            self._image = self._next_image()
            self._first_number = self._number
        pts_ns = self._pacer.wait(self._number * 1_000_000_000 // RATE_FPS)
        self._number += 1
        return Frame(self._image, pts_ns)

    def close(self) -> None:
        """Does nothing: no resource is open."""

    def _next_image(self) -> NDArray[np.uint8]:
        image = self._next_of_round()
        if image is None:
            self._queue.extend(self._files())
            image = self._next_of_round()
        if image is None:
            raise SourceError(f"{self._name} contains no readable image; put JPEG, PNG or WebP files into it")
        return image

    def _files(self) -> list[Path]:
        """Lists the files that are not hidden, 2 before 10.

        Raises:
            SourceError: The folder can't be listed.
        """
        try:
            files = [path for path in self._path.iterdir() if not path.name.startswith(".") and path.is_file()]
        except OSError as error:
            raise SourceError(f"the folder {self._name} can't be read ({error.strerror}); give one that can") from error
        return sorted(files, key=_natural_order)

    def _next_of_round(self) -> NDArray[np.uint8] | None:
        """Returns the next readable image of those that were listed when the round started."""
        while self._queue:
            path = self._queue.popleft()
            if not path.exists():
                continue  # removed since
            try:
                return scale_down(read_rgb(path))
            except SourceError as error:
                # Read again in each round, since it may be a file that is still being copied.
                if path not in self._logged:
                    self._logged.add(path)
                    _log.warning("skipped: %s", error)
        return None


def _natural_order(path: Path) -> tuple[list[tuple[str, int]], str]:
    pairs = re.findall(r"(\D*)(\d*)", path.stem.casefold())
    return [(text, int(digits or -1)) for text, digits in pairs], path.name
