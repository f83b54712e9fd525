"""Compares two models on the same pictures: what they answer, and how far the evidence moved."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.images import as_frame
from live_cam.api.model_comparison import ModelComparison, PictureComparison
from live_cam.api.pair import PairResult
from live_cam.api.picture_set.batches import ReadPicture, explain_full_batch, read_batches
from live_cam.api.picture_set.boxes import BoxPx, mask_of_boxes
from live_cam.api.picture_set.pictures import Picture
from live_cam.api.picture_set.truth import folder_labels, true_classes
from live_cam.api.result import explain_image
from live_cam.errors import SourceError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.explain.comparison import ModelPair
from live_cam.explain.metrics.localization import relevance_mass
from live_cam.explain.saliency.agreement import correlation_in_frame
from live_cam.models.labels import fold_label
from live_cam.types import Explanation, Target

_MAX_STEM_BYTES: Final = 200


class ModelComparer:
    """Two models, of which the new one explains what the old one answers."""

    def __init__(self, old: ExplainerProtocol, new: ExplainerProtocol, boxes: Mapping[str, list[BoxPx]]) -> None:
        """Prepares.

        Args:
            old: Explains `BATCH_SIZE` pictures in one call, or single ones.
            new: Likewise.
            boxes: The objects in the pictures, by the names of these.
        """
        self._explainers = old, new
        self._pair = ModelPair(old.classifier, new.classifier)
        self._boxes = boxes

    def compare(
        self, pictures: Sequence[Picture], on_problem: Callable[[SourceError], None], on_picture: Callable[[], None]
    ) -> ModelComparison:
        """Compares the models, with few pictures in memory at a time.

        Args:
            pictures: The pictures. The subfolders that they are in are their true classes, where they name one.
            on_problem: Called with the error of each that can't be read, which is left out.
            on_picture: Called after each.

        Raises:
            SourceError: None can be read.
        """
        truths, notes = self._find_truths(folder_labels([each.name for each in pictures]))
        compared: list[PictureComparison] = []
        left_out = 0

        def leave_out(error: SourceError) -> None:
            nonlocal left_out
            left_out += 1
            on_problem(error)
            on_picture()

        for batch in read_batches(pictures, [each.classifier for each in self._explainers], leave_out):
            for each in self._compare_batch(batch, truths):
                compared.append(each)
                on_picture()
        if not compared:
            raise SourceError("none of the pictures can be read; give a folder of others")
        compared.sort(key=lambda each: each.correlation)
        old, new = map(describe, self._explainers)
        return ModelComparison((old, new), compared, left_out, notes)

    def write_pair(self, compared: PictureComparison, path: Path) -> None:
        """Writes what both models make of a picture as a new `.png`: the overlays side by side, the names above.

        Raises:
            SourceError: The picture can't be read any more.
            OutputError: The file exists, or can't be written.
        """
        frame = as_frame(compared.picture.path, "the picture")
        old, new = (
            explain_image(explainer, frame, target)
            for explainer, target in zip(self._explainers, compared.targets, strict=True)
        )
        first, second = (explainer.classifier.name for explainer in self._explainers)
        PairResult((old, new), (first, second), self._pair.compare(old, new, chosen=False)).save(path)

    def _compare_batch(self, batch: Sequence[ReadPicture], truths: Mapping[str, str]) -> Iterator[PictureComparison]:
        old, new = self._explainers
        of_old = explain_full_batch(old, [each.inputs[0] for each in batch], [[Target()]] * len(batch))
        targets = [[self._pair.second_target(first.target)] for (first,) in of_old]
        of_new = explain_full_batch(new, [each.inputs[1] for each in batch], targets)
        for read, (first,), (second,) in zip(batch, of_old, of_new, strict=True):
            yield self._compare_explanations(read, (first, second), truths.get(read.picture.name))

    def _compare_explanations(
        self, read: ReadPicture, explanations: tuple[Explanation, Explanation], truth: str | None
    ) -> PictureComparison:
        old, new = explanations
        boxes = self._boxes.get(read.picture.name, [])
        shares = [
            _share_on_object(explanation, mask_of_boxes(boxes, read.size_px, covered, explainer.classifier.input_px))
            for explanation, covered, explainer in zip(explanations, read.covered, self._explainers, strict=True)
        ]
        answers = [fold_label(each.top[0].label) for each in explanations]
        return PictureComparison(
            read.picture,
            (old.top[0], new.top[0]),
            (old.target, new.target),
            (old.target_label, new.target_label),
            answers[0] == answers[1],
            None if truth is None else (answers[0] == truth, answers[1] == truth),
            correlation_in_frame(old.saliency_map, read.covered[0], new.saliency_map, read.covered[1]),
            (shares[0], shares[1]),
        )

    def _find_truths(self, named: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Returns the folded labels of the pictures whose subfolders name a class of a model, and notes on others."""
        classifiers = [explainer.classifier for explainer in self._explainers]
        of_models = [true_classes(named, each.labels)[0] for each in classifiers]
        truths: dict[str, str] = {}
        for classes, each in reversed(list(zip(of_models, classifiers, strict=True))):
            truths |= {name: fold_label(each.labels[index]) for name, index in classes.items()}
        notes = []
        for classes, each in zip(of_models, classifiers, strict=True):
            lacking = Counter(named[name] for name in truths if name not in classes)
            notes += [
                f"{each.name} has no class {text!r}: it is wrong in {number} pictures"
                for text, number in lacking.items()
            ]
        unknown = {name: text for name, text in named.items() if name not in truths}
        return truths, notes + true_classes(unknown, classifiers[0].labels)[1]


def pair_names(compared: Sequence[PictureComparison]) -> list[str]:
    """Returns a file name for the pair of each picture, in their order."""
    width = len(str(len(compared)))
    stems = (os.fsencode(each.picture.path.stem)[:_MAX_STEM_BYTES] for each in compared)
    return [f"{number:0{width}}-{os.fsdecode(stem)}.png" for number, stem in enumerate(stems, 1)]


def _share_on_object(explanation: Explanation, mask: NDArray[np.bool_]) -> float:
    return relevance_mass(explanation.saliency_map, mask) if mask.any() else math.nan
