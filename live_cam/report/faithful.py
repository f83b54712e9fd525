"""How faithful the maps of chosen pictures are, and what covering a suspected place costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.faithfulness import Faithfulness, target_probability
from live_cam.explain.saliency.occlusion import occlude
from live_cam.explain.saliency.places import Place
from live_cam.report.pictures import Picture
from live_cam.report.reading import BATCH_SIZE, explain_full_batch, fill_batch, read_batches
from live_cam.report.results import Row
from live_cam.types import Target

MEASURED_N: Final = 64
"""How many mistakes are measured, and how many other pictures."""


def choose_measured(rows: Sequence[Row], mistakes: Sequence[Row]) -> list[Row]:
    """Returns the surest mistakes, and other pictures at equal distances in the order of their names."""
    others = [row for row in rows if not row.is_mistake and row.top[0].probability >= 0.5]
    step = max(1, -(-len(others) // MEASURED_N))
    return [*mistakes[:MEASURED_N], *others[::step]]


def measure(
    explainer: ExplainerProtocol, rows: Sequence[Row], pictures: Mapping[str, Picture]
) -> dict[str, tuple[float, float]]:
    """Measures by how much the probability falls without the top fifth of each map, and without random fifths.

    Returns:
        Both falls by the names of the pictures; those without evidence are left out. See `Faithfulness`.
    """
    classifier = explainer.classifier
    found = {}
    for batch in read_batches([pictures[row.name] for row in rows], classifier):
        readable = [(each, each.frame) for each in batch if each.frame is not None]
        if not readable:
            continue
        explained = explain_full_batch(explainer, [frame for _, frame in readable], [[Target()]] * len(readable))
        tests = {}
        for (each, frame), (explanation,) in zip(readable, explained, strict=True):
            tests[each.picture.name] = test = Faithfulness()
            of_picture = replace(explanation, map_box=each.covered)
            test.start(frame, of_picture, classifier, np.random.default_rng(0))
        while pending := [(test, image) for test in tests.values() if (image := test.next_image()) is not None]:
            for (test, _), logits in zip(pending, _logits(explainer, [image for _, image in pending]), strict=True):
                test.add(logits)
        for name, test in tests.items():
            if test.result is not None:
                found[name] = (test.result.probability_drop, test.result.random_drop)
    return found


def measure_cover(
    explainer: ExplainerProtocol, rows: Sequence[Row], pictures: Mapping[str, Picture], place: Place
) -> tuple[float, float] | None:
    """Returns the mean probability of the predicted classes as it is, and with the place covered by grey.

    Args:
        explainer: Predicts.
        rows: The pictures.
        pictures: Their files.
        place: What is covered.
    """
    classifier = explainer.classifier
    by_name = {row.name: row for row in rows}
    before, after = [], []
    for batch in read_batches([pictures[row.name] for row in rows], classifier):
        readable = [(each.picture.name, each.frame) for each in batch if each.frame is not None]
        covered = [occlude(frame.rgb, place.mask, classifier.input_px) for _, frame in readable]
        for (name, _), logits in zip(readable, _logits(explainer, covered), strict=True):
            top = by_name[name].top[0]
            before.append(top.probability)
            after.append(target_probability(logits, Target(top.index), classifier.head))
    return (float(np.mean(before)), float(np.mean(after))) if before else None


def _logits(explainer: ExplainerProtocol, images: Sequence[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
    """Yields the logits of each image, computed in full batches, which are compiled."""
    for start in range(0, len(images), BATCH_SIZE):
        part = images[start : start + BATCH_SIZE]
        yield from explainer.logits(fill_batch(part))[: len(part)]
