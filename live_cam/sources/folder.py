"""The pictures of a folder, one after another, over and over."""

from __future__ import annotations

import logging
import re
from collections import deque
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.sources.image import read_rgb
from live_cam.sources.source import Pacer, SourceKind

PICTURE_S = 3.0
RATE_FPS = 10
"""How often the picture that is shown is given again: often enough for controls to act at once."""

_LARGEST_PX = (1920, 1080)

_log = logging.getLogger(__name__)


class FolderSource:
    """A folder's pictures in the order of their names, `PICTURE_S` seconds each."""

    kind: SourceKind = "folder"

    def __init__(self, path: Path) -> None:
        self.name = path.absolute().name or str(path)
        self._path = path
        self._told: set[Path] = set()

    def open(self) -> FolderStream:
        """Begins at the first picture.

        Raises:
            SourceError: The folder can't be read, or holds no picture that can.
        """
        return FolderStream(self._path, self.name, self._told)


class FolderStream:
    """A folder from its first picture on."""

    frozen_after_s: float | None = None

    def __init__(self, path: Path, name: str, told: set[Path]) -> None:
        self._path = path
        self._name = name
        self._told = told
        self._waiting: deque[Path] = deque()
        self._shown = self._next_picture()
        self._shown_from_seq = 0
        self._seq = 0
        self._pacer = Pacer()

    def read(self) -> Frame:
        """Waits until the next frame is due and gives it.

        Raises:
            SourceError: The folder holds no picture any more.
        """
        if self._seq - self._shown_from_seq >= PICTURE_S * RATE_FPS:
            self._shown = self._next_picture()
            self._shown_from_seq = self._seq
        pts_ns = self._pacer.wait(self._seq * 1_000_000_000 // RATE_FPS)
        frame = Frame(self._shown, pts_ns, self._seq, self._name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Holds nothing open."""

    def _next_picture(self) -> NDArray[np.uint8]:
        picture = self._next_of_round()
        if picture is None:
            self._waiting.extend(_files(self._path))
            picture = self._next_of_round()
        if picture is None:
            raise SourceError(f"{self._path} holds no picture that can be read; put JPEG, PNG or WebP files into it")
        return picture

    def _next_of_round(self) -> NDArray[np.uint8] | None:
        """Gives the next picture that can be read of those that were there when the round began."""
        while self._waiting:
            path = self._waiting.popleft()
            if not path.exists():
                continue  # removed since
            try:
                return _fit(read_rgb(path))
            except SourceError as error:
                # Tried again in each round, since it may be a file that is still being copied.
                if path not in self._told:
                    self._told.add(path)
                    _log.warning("passed over: %s", error)
        return None


def _files(folder: Path) -> list[Path]:
    """Lists the files of a folder that are not hidden, 2 before 10.

    Raises:
        SourceError: The folder can't be listed.
    """
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    except OSError as error:
        raise SourceError(f"the folder {folder} can't be read ({error.strerror}); give one that can") from error
    return sorted(files, key=_natural_order)


def _natural_order(path: Path) -> tuple[list[tuple[str, int]], str]:
    pairs = re.findall(r"(\D*)(\d*)", path.stem.casefold())
    return [(text, int(digits or -1)) for text, digits in pairs], path.name


def _fit(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scales a picture down to the largest size that the road carries live."""
    height_px, width_px = rgb.shape[:2]
    scale = min(_LARGEST_PX[0] / width_px, _LARGEST_PX[1] / height_px)
    if scale >= 1:
        return rgb
    size_px = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    return np.asarray(cv2.resize(rgb, size_px, interpolation=cv2.INTER_AREA), np.uint8)
