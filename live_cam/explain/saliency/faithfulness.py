"""Faithfulness of maps: occluding their top fifth must lower the probability more than occluding random fifths.

This is one step of the deletion metric of Petsiuk, Das & Saenko, "RISE" (BMVC 2018), and of the region perturbation
of Samek et al., "Evaluating the Visualization of What a Deep Neural Network Has Learned" (IEEE TNNLS 2017), who compare
with random regions, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.occlusion import occlude
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.classifier import Classifier
from live_cam.models.preprocess import box_in_input
from live_cam.types import Box, CamConfig, Explanation, Frame, Head, Target

Verdict = Literal["faithful", "doubtful", "unfaithful", "inconclusive"]

OCCLUDED_FRACTION: Final = 0.2
"""Of the area that the frame has in the input."""

MIN_MEASUREMENTS: Final = 3
"""Before a verdict: on photographs a single one means little."""

_RANDOM_N = 2
# Maps of 7x7 are enlarged, as when drawn; otherwise a fifth would be ten whole cells.
_GRID_PX = 56
_TIES_PX = 7
_EVERYWHERE: Final = (slice(None), slice(None))

# On photographs random fifths cost 0 to 30 percentage points, sometimes all (a small object was hit), so that a single
# measurement means little. A mean over 8, which is four seconds at two per second, varies by about 5 points.
_WINDOW = 8
_MIN_PROBABILITY = 0.05
_MIN_DROP = 0.05
_CLEARLY_MORE = 2.0


@dataclass(frozen=True, slots=True)
class FaithfulnessScore:
    """What occluding the top fifth of the map costs, compared with random fifths.

    Attributes:
        probability: The target's probability before, 0..1; see `target_probability`.
        probability_drop: How much the target's probability falls when the top fifth is occluded, -1..1.
        random_drop: The mean of the same for random fifths.
        measured: The number of measurements.
        verdict: The first that applies: "inconclusive" after fewer than 3 measurements, with a probability under 0.05,
            or if both drops are under 0.05 (the object is recognized without any single fifth); "faithful" if the top
            fifth costs at least twice as much as random ones and 0.05 more; "unfaithful" if it costs no more than they
            do; else "doubtful".
        reason: Why, in a few words.
        words: The drops and the reason, as a short sentence.
    """

    probability: float
    probability_drop: float
    random_drop: float
    measured: int
    verdict: Verdict
    reason: str
    words: str


class Faithfulness:
    """Measures the faithfulness of the maps of one target, on one frame of its source after another.

    A measurement is `start`, and then, for each image that `next_image` returns, `add` with its logits.
    """

    def __init__(self) -> None:
        self._subject: tuple[str, Target, CamConfig] | None = None
        self._images: list[NDArray[np.uint8]] = []
        self._probabilities: list[float] = []
        self._head: Head = "softmax"
        self._means = np.zeros(3)
        self._measured = 0

    def start(self, frame: Frame, explanation: Explanation, classifier: Classifier, rng: np.random.Generator) -> None:
        """Starts a measurement; an unfinished one is discarded.

        Another source, target, layer or method discards the earlier measurements, and so does a map without evidence,
        which is not measured.

        The random fifths are the top fifth, flipped and shifted at random, with wrap-around. So they have its area and
        its shape, on which the drop depends even where nothing matters, and occlude each position equally often.

        Args:
            frame: The frame.
            explanation: Its explanation; its own map is measured, not the smoothed one.
            classifier: What the network is.
            rng: The source of randomness.
        """
        subject = frame.source_id, explanation.target, explanation.cam_config
        has_evidence = explanation.evidence > 0.0 and bool(explanation.saliency_map.max() > 0.0)
        if subject != self._subject or not has_evidence:
            self._subject, self._measured = subject, 0
        self._images = []
        if not has_evidence:
            return
        # Padding is never occluded, which would cost nothing and flatter the top fifth.
        where = _grid_slices(box_in_input((0.0, 0.0, 1.0, 1.0), explanation.map_box))
        top_fifth = top_fraction_mask(explanation.saliency_map, rng, where)
        masks = [top_fifth, *(_moved(top_fifth, rng, where) for _ in range(_RANDOM_N))]
        self._head = classifier.head
        resized = occlude(frame.rgb, np.zeros((1, 1), bool), classifier.input_px, classifier.resize)
        self._images = [occlude(resized, mask, classifier.input_px) for mask in masks]
        self._probabilities = [target_probability(explanation.logits, explanation.target, self._head)]

    def next_image(self) -> NDArray[np.uint8] | None:
        """Returns the next input of the network, uint8 (H, W, 3), RGB; None if the measurement is finished."""
        return self._images[0] if self._images else None

    def add(self, logits: NDArray[np.float32]) -> None:
        """Adds the logits float32 (classes,) of the image that `next_image` returned."""
        if self._subject is None or not self._images:
            return
        self._images.pop(0)
        self._probabilities.append(target_probability(logits, self._subject[1], self._head))
        if self._images:
            return
        original, without_top, *without_random = self._probabilities
        values = np.array([original, original - without_top, original - float(np.mean(without_random))])
        self._measured += 1
        self._means += (values - self._means) / min(self._measured, _WINDOW)

    @property
    def result(self) -> FaithfulnessScore | None:
        """The score so far; None before the first measurement, and without evidence."""
        if self._measured == 0:
            return None
        probability, probability_drop, random_drop = (float(value) for value in self._means)
        verdict, reason = _judge(probability, probability_drop, random_drop, self._measured)
        words = f"Occluding the top fifth {_cost(probability_drop)}, a random fifth {_cost(random_drop)}: {reason}"
        return FaithfulnessScore(probability, probability_drop, random_drop, self._measured, verdict, reason, words)


def target_probability(logits: NDArray[np.float32], target: Target, head: Head) -> float:
    """Returns the probability of a target, 0..1.

    That is the probability of its class; with a contrast class, its share of the probability of both; for a
    counterfactual, the probability of all other classes.

    Args:
        logits: float32 (classes,).
        target: The target; its `index` is not None.
        head: How probabilities follow from logits.
    """
    if target.contrast is not None:
        of_both = np.stack([logits[target.index], logits[target.contrast]])
        if head == "sigmoid":
            of_both = np.log(np.maximum(probabilities(of_both, head), np.finfo(np.float64).tiny))
        return float(probabilities(of_both, "softmax")[0])
    of_class = float(probabilities(logits, head)[target.index])
    return 1.0 - of_class if target.counterfactual else of_class


def top_fraction_mask(
    saliency_map: NDArray[np.float32], rng: np.random.Generator, where: tuple[slice, slice] = _EVERYWHERE
) -> NDArray[np.bool_]:
    """Returns the fifth of the area with the highest values.

    Among equal values, as where most of a map is 0, coherent regions are chosen at random: scattered single cells would
    disturb the whole frame.

    Args:
        saliency_map: float32 (h, w).
        rng: The source of randomness.
        where: The rows and columns of the result to choose from.

    Returns:
        bool (56, 56), a fifth of `where` True.
    """
    size = (_GRID_PX, _GRID_PX)
    values = cv2.resize(saliency_map, size, interpolation=cv2.INTER_LINEAR)[where]
    tie_break = cv2.resize(rng.random((_TIES_PX, _TIES_PX)), size, interpolation=cv2.INTER_CUBIC)[where]
    order = np.lexsort((tie_break.ravel(), -values.ravel()))
    chosen = np.zeros(order.size, bool)
    chosen[order[: round(OCCLUDED_FRACTION * order.size)]] = True
    return _placed(chosen.reshape(values.shape), where)


def _moved(mask: NDArray[np.bool_], rng: np.random.Generator, where: tuple[slice, slice]) -> NDArray[np.bool_]:
    axes = tuple(axis for axis in (0, 1) if rng.random() < 0.5)
    part = np.flip(mask[where], axes)
    return _placed(np.roll(part, (rng.integers(part.shape[0]), rng.integers(part.shape[1])), (0, 1)), where)


def _placed(part: NDArray[np.bool_], where: tuple[slice, slice]) -> NDArray[np.bool_]:
    mask = np.zeros((_GRID_PX, _GRID_PX), bool)
    mask[where] = part
    return mask


def _grid_slices(box: Box) -> tuple[slice, slice]:
    """Returns the rows and columns of the grid that lie in a box of the input, at least one of each."""
    left, top = (math.ceil(edge * _GRID_PX) for edge in box[:2])
    right, bottom = (math.floor(edge * _GRID_PX) for edge in box[2:])
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def _judge(probability: float, probability_drop: float, random_drop: float, measured: int) -> tuple[Verdict, str]:
    if measured < MIN_MEASUREMENTS:
        return "inconclusive", "measuring continues."
    if probability < _MIN_PROBABILITY:
        return "inconclusive", "the probability is low anyway."
    if max(abs(probability_drop), abs(random_drop)) < _MIN_DROP:
        return "inconclusive", "it is recognized without any single fifth."
    if probability_drop >= _CLEARLY_MORE * random_drop and probability_drop - random_drop >= _MIN_DROP:
        return "faithful", "the map shows what matters."
    if probability_drop <= random_drop:
        return "unfaithful", "the map does not show what matters."
    return "doubtful", "the map is hardly better than chance."


def _cost(probability_drop: float) -> str:
    points = round(100.0 * probability_drop)
    if points == 0:
        return "costs nothing"
    return f"{'costs' if points > 0 else 'adds'} {abs(points)} percentage point{'' if abs(points) == 1 else 's'}"
