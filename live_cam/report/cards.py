"""The second pass: the pictures that the page shows, with maps of two classes each."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.batches import BATCH_SIZE, ReadPicture, explain_full_batch, read_batches
from live_cam.api.picture_set.pictures import Picture
from live_cam.explain.base import ExplainerProtocol
from live_cam.prefetch import BackgroundWriter
from live_cam.render.colormaps import color_table
from live_cam.render.encode import encode_jpeg, encode_png
from live_cam.render.overlay import overlay
from live_cam.report.faithful import Drops, measure
from live_cam.report.results import Row
from live_cam.types import CLASSLESS_METHODS, Box, Explanation, Frame, OverlayStyle, Target

_SIDE_PX: Final = 224
_STYLE: Final = OverlayStyle()
_BOX_RGB: Final = (255, 0, 160)


@dataclass(frozen=True, slots=True)
class Card:
    """A picture as the page shows it.

    Attributes:
        row: What is known of it.
        images: Captions and `data:` URIs.
        drops: How faithful its map is; None without evidence.
    """

    row: Row
    images: tuple[tuple[str, str], ...]
    drops: Drops | None


def make_cards(
    explainer: ExplainerProtocol, rows: Sequence[Row], pictures: Mapping[str, Picture], maps: NDArray[np.float32]
) -> dict[str, Card]:
    """Explains pictures for another class than the model says, and for the one and not the other.

    The other is the true one of a mistake, else the second.

    Args:
        explainer: Explains `BATCH_SIZE` pictures in one call.
        rows: What is known of the pictures.
        pictures: Their files.
        maps: Those of the classes that the model says, float32 (lines, h, w).

    Returns:
        Cards by the names of the pictures; a picture that can't be read any more has none.
    """
    by_name = {row.name: row for row in rows}
    cards: dict[str, Card] = {}

    def draw(item: tuple[ReadPicture, Sequence[Explanation], Drops | None]) -> None:
        read, explanations, drops = item
        name = read.picture.name
        cards[name] = Card(by_name[name], _images(read, explanations), drops)

    files = [pictures[name] for name in by_name]
    with BackgroundWriter(draw, BATCH_SIZE) as drawing:
        for batch in read_batches(files, [explainer.classifier], thumbnail_px=_SIDE_PX):
            chosen = [by_name[each.picture.name] for each in batch]
            explained = _explain(explainer, batch, chosen, maps)
            measured = measure(explainer, batch, [explanations[0] for explanations in explained])
            for item in zip(batch, explained, measured, strict=True):
                drawing.put(item)
    return cards


def _explain(
    explainer: ExplainerProtocol, batch: Sequence[ReadPicture], rows: Sequence[Row], maps: NDArray[np.float32]
) -> list[list[Explanation]]:
    frames = [each.inputs[0] for each in batch]
    others = [_other_class(row) for row in rows]
    if explainer.method in CLASSLESS_METHODS or None in others:
        return explain_full_batch(explainer, frames, [[Target(row.top[0].index)] for row in rows])
    targets = [
        [Target(other), Target(row.top[0].index, contrast=other)] for row, other in zip(rows, others, strict=True)
    ]
    explained = explain_full_batch(explainer, frames, targets)
    return [[_known(row, maps[row.number], each[0]), *each] for row, each in zip(rows, explained, strict=True)]


def _known(row: Row, saliency_map: NDArray[np.float32], of_other: Explanation) -> Explanation:
    """Returns the explanation of the class that the model says, which the first pass has computed."""
    return replace(
        of_other,
        saliency_map=saliency_map,
        smoothed_map=saliency_map,
        target=Target(row.top[0].index),
        target_label=row.top[0].label,
        vmax=float(saliency_map.max()),
        evidence=row.evidence,
    )


def _other_class(row: Row) -> int | None:
    if row.is_mistake:
        return row.true_class
    return row.top[1].index if len(row.top) > 1 else None


def _images(read: ReadPicture, explanations: Sequence[Explanation]) -> tuple[tuple[str, str], ...]:
    small = _pixels(read)
    images = [("picture", jpeg_uri(small)), ("raw map", map_uri(explanations[0].saliency_map))]
    for explanation in explanations:
        laid_over = overlay(Frame(small, 0), replace(explanation, map_box=read.covered[0]), _STYLE)
        words = explanation.subject if explanation.target.contrast is not None else f"for {explanation.subject}"
        images.append((words, jpeg_uri(laid_over)))
    return tuple(images)


def _pixels(read: ReadPicture) -> NDArray[np.uint8]:
    assert read.thumbnail is not None
    return read.thumbnail


def boxed_thumbnails(
    explainer: ExplainerProtocol, rows: Sequence[Row], pictures: Mapping[str, Picture], box: Box
) -> list[tuple[str, str]]:
    """Returns names and `data:` URIs of pictures in which a box of the map, 0..1, is outlined."""
    found = []
    files = [pictures[row.name] for row in rows]
    for batch in read_batches(files, [explainer.classifier], thumbnail_px=_SIDE_PX):
        for each in batch:
            small = _pixels(each).copy()
            height, width = small.shape[:2]
            left, top, right, bottom = each.covered[0]
            x0, x1 = (round((left + edge * (right - left)) * width) for edge in box[::2])
            y0, y1 = (round((top + edge * (bottom - top)) * height) for edge in box[1::2])
            cv2.rectangle(small, (x0, y0), (x1 - 1, y1 - 1), _BOX_RGB, 2)
            found.append((each.picture.name, jpeg_uri(small)))
    return found


def map_uri(saliency_map: NDArray[np.float32]) -> str:
    """Returns a map as a `data:` URI, one pixel for each cell, from nothing to its own peak."""
    peak = float(saliency_map.max())
    levels = np.round(255 * saliency_map / peak if peak > 0.0 else 0 * saliency_map).astype(np.uint8)
    return _uri("png", encode_png(color_table(_STYLE.colormap)[levels][:, :, 0]))


def jpeg_uri(rgb: NDArray[np.uint8]) -> str:
    """Returns uint8 (H, W, 3), RGB, as a `data:` URI."""
    return _uri("jpeg", encode_jpeg(rgb))


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
