"""Compares two models on the same pictures: what they answer, and how far the evidence moved."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.api.images import as_frame
from live_cam.api.model_comparison import ModelComparison, PictureComparison
from live_cam.api.pair import PairResult
from live_cam.api.picture_set import BoxPx, Picture, mask_of_boxes
from live_cam.api.result import explain_image
from live_cam.errors import SourceError, UnknownLabelError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.explain.comparison import ModelPair
from live_cam.explain.metrics.base import input_image
from live_cam.explain.metrics.localization import relevance_mass
from live_cam.explain.saliency.agreement import correlation_in_frame
from live_cam.models.classifier import Classifier
from live_cam.models.labels import find_label, fold_label
from live_cam.models.preprocess import map_box
from live_cam.prefetch import Prefetcher
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Explanation, Frame, Target

BATCH_SIZE: Final = 8
"""How many pictures are explained in one call."""

_MAX_STEM_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A picture in the sizes of the models' inputs, old and new, and its own height and width."""

    picture: Picture
    inputs: tuple[Frame, Frame]
    frame_px: tuple[int, int]


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
        truths, notes = self._find_truths(pictures)
        compared: list[PictureComparison] = []
        left_out = 0
        each_loaded = self._load(pictures)
        with Prefetcher(lambda: next(each_loaded, None), BATCH_SIZE) as prefetched:
            waiting = iter(prefetched)
            while batch := list(islice(waiting, BATCH_SIZE)):
                readable = [each for each in batch if isinstance(each, _Loaded)]
                compared += self._compare_batch(readable, truths)
                for each in batch:
                    if isinstance(each, SourceError):
                        left_out += 1
                        on_problem(each)
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

    def _load(self, pictures: Iterable[Picture]) -> Iterator[_Loaded | SourceError]:
        old, new = self._explainers
        for picture in pictures:
            try:
                rgb = read_rgb(picture.path)
            except SourceError as error:
                yield error
            else:
                inputs = Frame(input_image(old, rgb), pts_ns=0), Frame(input_image(new, rgb), pts_ns=0)
                yield _Loaded(picture, inputs, (rgb.shape[0], rgb.shape[1]))

    def _compare_batch(self, batch: Sequence[_Loaded], truths: Mapping[str, str]) -> Iterator[PictureComparison]:
        old, new = self._explainers
        of_old = [each for (each,) in old.explain_all([loaded.inputs[0] for loaded in batch], [Target()])]
        targets = [[self._pair.second_target(each.target)] for each in of_old]
        of_new = [each for (each,) in new.explain_each([loaded.inputs[1] for loaded in batch], targets)]
        for loaded, first, second in zip(batch, of_old, of_new, strict=True):
            yield self._compare_explanations(loaded, (first, second), truths.get(loaded.picture.class_name or ""))

    def _compare_explanations(
        self, loaded: _Loaded, explanations: tuple[Explanation, Explanation], truth: str | None
    ) -> PictureComparison:
        old, new = explanations
        classifiers = [explainer.classifier for explainer in self._explainers]
        covered = [map_box(loaded.frame_px, each.input_px, each.resize) for each in classifiers]
        boxes = self._boxes.get(loaded.picture.name, [])
        shares = [
            _share_on_object(explanation, mask_of_boxes(boxes, loaded.frame_px, box, classifier.input_px))
            for explanation, box, classifier in zip(explanations, covered, classifiers, strict=True)
        ]
        answers = [fold_label(each.top[0].label) for each in explanations]
        return PictureComparison(
            loaded.picture,
            (old.top[0], new.top[0]),
            (old.target, new.target),
            (old.target_label, new.target_label),
            answers[0] == answers[1],
            None if truth is None else (answers[0] == truth, answers[1] == truth),
            correlation_in_frame(old.saliency_map, covered[0], new.saliency_map, covered[1]),
            (shares[0], shares[1]),
        )

    def _find_truths(self, pictures: Sequence[Picture]) -> tuple[dict[str, str], list[str]]:
        """Returns the folded labels of the subfolders that name classes, and notes on the others."""
        truths, notes = {}, []
        counts = Counter(each.class_name for each in pictures if each.class_name is not None)
        old, new = (explainer.classifier for explainer in self._explainers)
        for name, number in counts.items():
            labels = {each.name: _find_class(name, each) for each in (old, new)}
            known = [label for label in labels.values() if label is not None]
            if known:
                truths[name] = known[0]
                notes += [
                    f"{model} has no class {name!r}: it is wrong in {number} pictures"
                    for model, label in labels.items()
                    if label is None
                ]
        if truths:
            unknown = sorted(counts.keys() - truths.keys())
            notes += [f"no class is called {name!r}: {counts[name]} pictures without accuracy" for name in unknown]
        return truths, notes


def pair_names(compared: Sequence[PictureComparison]) -> list[str]:
    """Returns a file name for the pair of each picture, in their order."""
    width = len(str(len(compared)))
    stems = (os.fsencode(each.picture.path.stem)[:_MAX_STEM_BYTES] for each in compared)
    return [f"{number:0{width}}-{os.fsdecode(stem)}.png" for number, stem in enumerate(stems, 1)]


def _find_class(name: str, classifier: Classifier) -> str | None:
    try:
        return fold_label(classifier.labels[find_label(name, classifier.labels)])
    except UnknownLabelError:
        return None


def _share_on_object(explanation: Explanation, mask: NDArray[np.bool_]) -> float:
    return relevance_mass(explanation.saliency_map, mask) if mask.any() else math.nan
