"""The first pass: every picture is explained for the class that the model says, and its result written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.picture_set.batches import ReadPicture, explain_full_batch, read_batches
from live_cam.api.picture_set.pictures import Picture
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.classifier import Classifier
from live_cam.report.results import Results
from live_cam.types import Explanation, Target

OnProgress = Callable[[str, int, int], None]
"""Called with what is done with pictures, with how many it is done, and with how many it will be."""

ExplainedPicture = tuple[Picture, dict[str, Any], NDArray[np.float32]]
"""What `Results.append` takes."""

ExplainPictures = Callable[[Sequence[Picture], Results, Callable[[int], None]], list[str]]
"""Explains pictures and writes their results; see `explain_pictures`."""

_DIGITS: Final = 6


def explain_pictures(
    explainer: ExplainerProtocol, pictures: Sequence[Picture], results: Results, on_progress: Callable[[int], None]
) -> list[str]:
    """Explains the pictures and writes their results.

    Args:
        explainer: Explains `BATCH_SIZE` pictures in one call.
        pictures: The pictures.
        results: Where the results are written.
        on_progress: Called with the number of pictures that are done.

    Returns:
        Why files can't be read.

    Raises:
        OutputError: A result can't be written.
    """
    problems: list[str] = []
    done_n = 0
    for batch in explained_batches(explainer, pictures, problems):
        for explained in batch:
            results.append(*explained)
        done_n += len(batch)
        on_progress(done_n + len(problems))
    return problems


def explained_batches(
    explainer: ExplainerProtocol, pictures: Sequence[Picture], problems: list[str]
) -> Iterator[list[ExplainedPicture]]:
    """Yields pictures, what is written of each, and their maps float32 (h, w).

    Args:
        explainer: Explains `BATCH_SIZE` pictures in one call.
        pictures: The pictures.
        problems: Gets a line for each that can't be read.
    """
    for batch in read_batches(pictures, [explainer.classifier], lambda error: problems.append(str(error))):
        frames = [each.inputs[0] for each in batch]
        explained = explain_full_batch(explainer, frames, [[Target()]] * len(frames))
        yield [
            (each.picture, _record(each, explanation, explainer.classifier), explanation.saliency_map)
            for each, (explanation,) in zip(batch, explained, strict=True)
        ]


def _record(read: ReadPicture, explanation: Explanation, classifier: Classifier) -> dict[str, Any]:
    of_classes = probabilities(explanation.logits, classifier.head)
    true_class = read.picture.true_class
    first, second = explanation.top[0], explanation.top[1] if len(explanation.top) > 1 else None
    entropy = None
    if classifier.head == "softmax":
        entropy = round(float(-np.sum(of_classes * np.log2(np.maximum(of_classes, np.finfo(np.float64).tiny)))), 4)
    return {
        "true_label": None if true_class is None else classifier.labels[true_class],
        "top": [asdict(score) | {"probability": round(score.probability, _DIGITS)} for score in explanation.top],
        "true_probability": None if true_class is None else round(float(of_classes[true_class]), _DIGITS),
        "margin": round(first.probability - (second.probability if second else 0.0), _DIGITS),
        "entropy_bits": entropy,
        "evidence": round(explanation.evidence, _DIGITS),
        "map": {
            "shape": list(explanation.saliency_map.shape),
            "max": round(float(explanation.saliency_map.max()), _DIGITS),
        },
        "size_px": list(read.size_px),
        "map_box": [round(edge, _DIGITS) for edge in read.covered[0]],
    }
