"""Pictures as the model gets them, read ahead by a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.explain.base import ExplainerProtocol
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import map_box, resize_to_input
from live_cam.prefetch import Prefetcher
from live_cam.report.pictures import Picture
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Box, Explanation, Frame, Target

Item = TypeVar("Item")

BATCH_SIZE: Final = 8
"""How many pictures are explained in one call."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPicture:
    """A picture, or why it can't be read.

    Attributes:
        picture: The file.
        rgb: uint8 (H, W, 3), RGB; None if it can't be read.
        frame: The same in the size of the model's input.
        covered: What of the picture the input shows.
        problem: Why it can't be read; empty if it can.
    """

    picture: Picture
    rgb: NDArray[np.uint8] | None = None
    frame: Frame | None = None
    covered: Box = (0.0, 0.0, 1.0, 1.0)
    problem: str = ""


def read_batches(
    pictures: Sequence[Picture], classifier: Classifier, *, keep_pixels: bool = False
) -> Iterator[list[ReadPicture]]:
    """Yields the pictures, `BATCH_SIZE` at a time, in their order.

    Args:
        pictures: The files.
        classifier: Says what the model's input is.
        keep_pixels: Whether the pictures are kept in their own size, too.
    """
    waiting = iter(pictures)

    def read() -> ReadPicture | None:
        picture = next(waiting, None)
        return None if picture is None else _read(picture, classifier, keep_pixels)

    batch: list[ReadPicture] = []
    with Prefetcher(read, BATCH_SIZE) as read_pictures:
        for each in read_pictures:
            batch.append(each)
            if len(batch) == BATCH_SIZE:
                yield batch
                batch = []
    if batch:
        yield batch


def _read(picture: Picture, classifier: Classifier, keep_pixels: bool) -> ReadPicture:
    try:
        rgb = read_rgb(picture.path)
    except SourceError as error:
        return ReadPicture(picture, problem=str(error))
    resized = np.empty((*classifier.input_px, 3), np.uint8)
    resize_to_input([rgb], resized[np.newaxis], classifier.resize)
    covered = map_box(rgb.shape[:2], classifier.input_px, classifier.resize)
    return ReadPicture(picture, rgb if keep_pixels else None, Frame(resized, 0), covered)


def explain_full_batch(
    explainer: ExplainerProtocol, frames: Sequence[Frame], targets: Sequence[Sequence[Target]]
) -> list[list[Explanation]]:
    """Explains up to `BATCH_SIZE` frames in the one call that is compiled.

    The last frame fills what is missing, so that a picture gets the same numbers wherever a run stopped.
    """
    return explainer.explain_each(fill_batch(frames), fill_batch(targets))[: len(frames)]


def fill_batch(items: Sequence[Item]) -> list[Item]:
    """Returns up to `BATCH_SIZE` items, with the last one again in the places that are missing."""
    return [*items, *[items[-1]] * (BATCH_SIZE - len(items))]
