"""How faithful the maps of chosen pictures are, and what covering a suspected place costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from live_cam.api.picture_set.batches import ReadPicture, predict_batched, read_batches
from live_cam.api.picture_set.pictures import Picture
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.faithfulness import Faithfulness, target_probability
from live_cam.explain.saliency.occlusion import occlude
from live_cam.explain.saliency.places import Place
from live_cam.report.results import Row
from live_cam.types import Explanation, Target

_MIN_DROP: Final = 0.05
"""Where both fall by less, the picture is recognized without any single fifth, and nothing is said of the map."""


@dataclass(frozen=True, slots=True)
class Drops:
    """By how much the probability of the predicted class falls, -1..1; see `Faithfulness`.

    Attributes:
        top: Without the top fifth of the map.
        random: Without random fifths, on average.
    """

    top: float
    random: float

    @property
    def is_unfaithful(self) -> bool:
        """Whether the top fifth costs no more than random ones, and those do cost something."""
        return self.top <= self.random and self.random >= _MIN_DROP


def measure(
    explainer: ExplainerProtocol, batch: Sequence[ReadPicture], explanations: Sequence[Explanation]
) -> list[Drops | None]:
    """Measures the maps of the predicted classes of a batch; None for one without evidence."""
    tests = []
    for each, explanation in zip(batch, explanations, strict=True):
        tests.append(test := Faithfulness())
        of_picture = replace(explanation, map_box=each.covered[0])
        test.start(each.inputs[0], of_picture, explainer.classifier, np.random.default_rng(0))
    while pending := [(test, image) for test in tests if (image := test.next_image()) is not None]:
        for (test, _), logits in zip(pending, predict_batched(explainer, [image for _, image in pending]), strict=True):
            test.add(logits)
    scores = [test.result for test in tests]
    return [None if score is None else Drops(score.probability_drop, score.random_drop) for score in scores]


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
    for batch in read_batches([pictures[row.name] for row in rows], [classifier]):
        covered = [occlude(each.inputs[0].rgb, place.mask, classifier.input_px) for each in batch]
        for each, logits in zip(batch, predict_batched(explainer, covered), strict=True):
            top = by_name[each.picture.name].top[0]
            before.append(top.probability)
            after.append(target_probability(logits, Target(top.index), classifier.head))
    return (float(np.mean(before)), float(np.mean(after))) if before else None
