"""How far explanations in int8 agree with float32, and the gates that a table of ranges has to pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.select import Step
from live_cam.explain.saliency.agreement import correlation
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.classifier import Classifier

MIN_PICTURES: Final = 300
"""Fewer say too little of the worst."""

_SURE: Final = 0.3
_GATES: Final = {"map_median": 0.999, "map_p10": 0.997, "map_least": 0.98, "top1": 0.96, "top1_sure": 0.98}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What int8 reaches on pictures, against float32.

    Attributes:
        pictures_n: The number of pictures.
        map_median, map_p10, map_least: Correlation of the maps of float32's top class: median, 10th percentile, least.
        top1, top3: How often the top class, and the set of the top three, is the same.
        top1_sure: How often the top class is the same where float32 gives it more than 0.3.
        sure_n: How many pictures these are.
        probability_p90: 90th percentile of the change of the top class's probability.
        evidence: How often both or neither find evidence.
    """

    pictures_n: int
    map_median: float
    map_p10: float
    map_least: float
    top1: float
    top3: float
    top1_sure: float
    sure_n: int
    probability_p90: float
    evidence: float

    @property
    def failures(self) -> list[str]:
        """The gates that it does not pass, in words."""
        values = self.describe()
        failed = [f"{name} {values[name]:.4g} < {least:g}" for name, least in _GATES.items() if values[name] < least]
        few = [f"{self.pictures_n} pictures < {MIN_PICTURES}"] if self.pictures_n < MIN_PICTURES else []
        return few + failed

    def describe(self) -> dict[str, Any]:
        """Returns the numbers as JSON values."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def measure_agreement(
    int8: Step, float32: Step, pictures: Iterable[NDArray[np.uint8]], classifier: Classifier
) -> Agreement:
    """Explains pictures with both steps.

    Args:
        int8: The step to judge.
        float32: The same in float32.
        pictures: uint8 (H, W, 3), none of which the ranges were measured on.
        classifier: What both explain.
    """
    correlations, tops, chances, logits_of_both = [], [], [], []
    for picture in pictures:
        reference, exact = float32([picture], np.zeros((1, 1, float32.classes), np.float32))
        top = int(exact[0].argmax())
        maps, logits = int8([picture], np.eye(float32.classes, dtype=np.float32)[np.newaxis, top : top + 1])
        correlations.append(correlation(maps[0, 0], reference[0, 0]))
        chances.append([float(probabilities(each[0], classifier.head)[top]) for each in (exact, logits)])
        tops.append([np.argsort(-each[0])[:3] for each in (exact, logits)])
        logits_of_both.append([float(each.max()) for each in (exact, logits)])
    before, after = np.array(chances).T
    same = np.array([first[0] == second[0] for first, second in tops])
    start = -np.inf if classifier.evidence_logits is None else classifier.evidence_logits[0]
    has_evidence = np.array(logits_of_both) > start
    sure = before > _SURE
    return Agreement(
        pictures_n=len(same),
        map_median=float(np.median(correlations)),
        map_p10=float(np.percentile(correlations, 10)),
        map_least=float(np.min(correlations)),
        top1=float(same.mean()),
        top3=float(np.mean([set(first) == set(second) for first, second in tops])),
        top1_sure=float(same[sure].mean()) if sure.any() else 1.0,
        sure_n=int(sure.sum()),
        probability_p90=float(np.percentile(np.abs(after - before), 90)),
        evidence=float((has_evidence[:, 0] == has_evidence[:, 1]).mean()),
    )
