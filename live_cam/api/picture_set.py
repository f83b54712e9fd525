"""A folder of pictures, with what a person knows of them: their classes, and where the objects are."""

from __future__ import annotations

import csv
import mimetypes
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError, UsageError
from live_cam.explain.metrics.localization import box_mask
from live_cam.models.preprocess import box_in_input
from live_cam.sources.pictures.formats import format_of
from live_cam.text import encodable
from live_cam.types import Box

BoxPx = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the picture."""

_COLUMNS: Final = ("path", "left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file in a folder.

    Attributes:
        path: Where it is.
        name: Its path from the folder on, with slashes.
    """

    path: Path
    name: str

    @property
    def class_name(self) -> str | None:
        """The subfolder that it is in, which may be its class; None for one in the folder itself."""
        first, slash, _ = self.name.partition("/")
        return first if slash else None


def find_pictures(folder: Path) -> list[Picture]:
    """Returns the image files in a folder and its subfolders, in the order of their names; hidden ones are left out.

    Files whose names are those of images are among them, whatever they contain.

    Raises:
        SourceError: It is no folder, can't be read, or contains no image file.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; give one of pictures")
    paths = [path for path in _files(folder) if _is_image(path)]
    if not paths:
        raise SourceError(f"{folder} contains no image file; give a folder of pictures")
    return [Picture(path, encodable(path.relative_to(folder).as_posix())) for path in paths]


def read_boxes(path: Path) -> Mapping[str, list[BoxPx]]:
    """Reads the boxes of objects from a table of `path,left,top,right,bottom`, a line for each, in pixels.

    Args:
        path: A file of comma-separated values, UTF-8; a first line with these names is left out.

    Returns:
        The boxes of each picture, as the table names it.

    Raises:
        SourceError: The file can't be read.
        UsageError: A line is no box, or there is none.
    """
    boxes: dict[str, list[BoxPx]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in (reader := csv.reader(file)):
                if row and not (reader.line_num == 1 and tuple(map(str.strip, row)) == _COLUMNS):
                    name, box = _parse_box(row, f"{path} line {reader.line_num}")
                    boxes[name].append(box)
    except OSError as error:
        raise SourceError(f"{path} can't be read ({error.strerror}); give a file of boxes") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} is no table in UTF-8; give lines of {','.join(_COLUMNS)}") from error
    if not boxes:
        raise UsageError(f"{path} holds no box; give lines of {','.join(_COLUMNS)}")
    return boxes


def mask_of_boxes(
    boxes: Iterable[BoxPx], frame_px: tuple[int, int], covered: Box, size_px: tuple[int, int]
) -> NDArray[np.bool_]:
    """Returns where the objects are in what a map covers: bool (h, w).

    Args:
        boxes: The boxes of the objects.
        frame_px: Height and width of the picture.
        covered: What of the picture the map covers.
        size_px: Height and width of the mask.
    """
    mask = np.zeros(size_px, bool)
    height, width = frame_px
    for left, top, right, bottom in boxes:
        in_frame = left / width, top / height, right / width, bottom / height
        mask |= box_mask(box_in_input(in_frame, covered), size_px)
    return mask


def _files(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise SourceError(f"the folder {error.filename} can't be read ({error.strerror}); give one that can")

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _is_image(path: Path) -> bool:
    kind, _ = mimetypes.guess_type(path.name)
    return path.is_file() and (format_of(path) is not None or (kind or "").startswith("image/"))


def _parse_box(row: list[str], place: str) -> tuple[str, BoxPx]:
    try:
        name, *edges = row
        left, top, right, bottom = map(float, edges)
    except ValueError as error:
        raise UsageError(f"{place} is {','.join(row)!r:.80}; give {','.join(_COLUMNS)}, in pixels") from error
    if not (left < right < np.inf and top < bottom < np.inf and left > -np.inf and top > -np.inf):
        raise UsageError(f"{place}: the box of {name!r:.80} is empty; left is under right, and top under bottom")
    return name.strip(), (left, top, right, bottom)
