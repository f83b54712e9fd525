"""Pictures as models get them, read ahead by a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.pictures import Picture
from live_cam.errors import SourceError
from live_cam.explain.base import ExplainerProtocol
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import map_box, resize_to_input
from live_cam.prefetch import Prefetcher
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Box, Explanation, Frame, Target

Item = TypeVar("Item")

BATCH_SIZE: Final = 8
"""How many pictures are explained in one call."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPicture:
    """A picture in the sizes of the models' inputs.

    Attributes:
        picture: The file.
        size_px: Its height and width.
        inputs: What each model gets of it.
        covered: What of it each model's input shows.
        thumbnail: The picture as it is, in a small size: uint8 (h, w, 3), RGB; None if none was wanted.
    """

    picture: Picture
    size_px: tuple[int, int]
    inputs: tuple[Frame, ...]
    covered: tuple[Box, ...]
    thumbnail: NDArray[np.uint8] | None = None


OnProblem = Callable[[SourceError], None]
"""Called with the error of a picture that can't be read."""


def read_batches(
    pictures: Sequence[Picture],
    classifiers: Sequence[Classifier],
    on_problem: OnProblem = lambda _: None,
    *,
    thumbnail_px: int | None = None,
) -> Iterator[list[ReadPicture]]:
    """Yields the pictures, `BATCH_SIZE` at a time, in their order.

    Args:
        pictures: The files.
        classifiers: Say what the models' inputs are.
        on_problem: Called with the error of each that can't be read, which is left out.
        thumbnail_px: The length of the longer sides of thumbnails; None for none.
    """
    waiting = iter(pictures)

    def read() -> ReadPicture | SourceError | None:
        picture = next(waiting, None)
        return None if picture is None else _read(picture, classifiers, thumbnail_px)

    batch: list[ReadPicture] = []
    with Prefetcher[ReadPicture | SourceError](read, BATCH_SIZE) as read_pictures:
        for each in read_pictures:
            if isinstance(each, SourceError):
                on_problem(each)
                continue
            batch.append(each)
            if len(batch) == BATCH_SIZE:
                yield batch
                batch = []
    if batch:
        yield batch


def _read(picture: Picture, classifiers: Sequence[Classifier], thumbnail_px: int | None) -> ReadPicture | SourceError:
    try:
        rgb = read_rgb(picture.path)
    except SourceError as error:
        return error
    size_px = rgb.shape[0], rgb.shape[1]
    inputs = []
    for classifier in classifiers:
        resized = np.empty((*classifier.input_px, 3), np.uint8)
        resize_to_input([rgb], resized[np.newaxis], classifier.resize)
        inputs.append(Frame(resized, 0))
    covered = tuple(map_box(size_px, each.input_px, each.resize) for each in classifiers)
    thumbnail = None if thumbnail_px is None else _thumbnail(rgb, thumbnail_px)
    return ReadPicture(picture, size_px, tuple(inputs), covered, thumbnail)


def _thumbnail(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = side_px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(rgb, size, interpolation=interpolation), np.uint8)


def explain_full_batch(
    explainer: ExplainerProtocol, frames: Sequence[Frame], targets: Sequence[Sequence[Target]]
) -> list[list[Explanation]]:
    """Explains up to `BATCH_SIZE` frames in the one call that is compiled.

    The last frame fills what is missing, so that a picture gets the same numbers wherever a run stopped.
    """
    return explainer.explain_each(fill_batch(frames), fill_batch(targets))[: len(frames)]


def predict_batched(explainer: ExplainerProtocol, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Returns the logits float32 (N, classes) of images uint8 (h, w, 3), computed in full batches, too."""
    starts = range(0, len(images), BATCH_SIZE)
    parts = [images[start : start + BATCH_SIZE] for start in starts]
    return np.concatenate([explainer.logits(fill_batch(part))[: len(part)] for part in parts])


def fill_batch(items: Sequence[Item]) -> list[Item]:
    """Returns up to `BATCH_SIZE` items, with the last one again in the places that are missing."""
    return [*items, *[items[-1]] * (BATCH_SIZE - len(items))]
