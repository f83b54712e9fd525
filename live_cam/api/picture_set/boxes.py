"""Where the objects of pictures are: boxes in a table."""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.pictures import Picture, picture_name
from live_cam.errors import SourceError, UsageError
from live_cam.explain.metrics.localization import box_mask
from live_cam.models.preprocess import box_in_input
from live_cam.types import Box

BoxPx = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the picture."""

_log = logging.getLogger("live_cam")

_COLUMNS: Final = ("path", "left", "top", "right", "bottom")


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


def boxes_of(pictures: Sequence[Picture], path: Path, folder: Path) -> dict[str, list[BoxPx]]:
    """Reads the boxes of the pictures of a folder; see `read_boxes`. Those of other pictures are a warning.

    Args:
        pictures: The pictures.
        path: The table.
        folder: What the paths in it are relative to, unless they are absolute.

    Raises:
        SourceError: The file can't be read.
        UsageError: A line is no box, or none is of one of the pictures.
    """
    boxes: dict[str, list[BoxPx]] = defaultdict(list)
    for name, of_name in read_boxes(path).items():
        boxes[picture_name(name, folder)] += of_name
    missing = boxes.keys() - {each.name for each in pictures}
    if missing:
        message = f"{path} names {len(missing)} pictures that are not in {folder}, such as {min(missing)!r:.80}"
        if len(missing) == len(boxes):
            raise UsageError(f"{message}; write paths relative to that folder")
        _log.warning("%s", message)
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


def _parse_box(row: list[str], place: str) -> tuple[str, BoxPx]:
    try:
        name, *edges = row
        left, top, right, bottom = map(float, edges)
    except ValueError as error:
        raise UsageError(f"{place} is {','.join(row)!r:.80}; give {','.join(_COLUMNS)}, in pixels") from error
    if not (left < right < np.inf and top < bottom < np.inf and left > -np.inf and top > -np.inf):
        raise UsageError(f"{place}: the box of {name!r:.80} is empty; left is under right, and top under bottom")
    return name.strip(), (left, top, right, bottom)
