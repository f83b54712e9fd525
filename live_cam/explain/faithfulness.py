"""Does the map point at what matters? Hiding its hottest places must cost the network more than hiding any others.

This is one step of the deletion metric of Petsiuk, Das & Saenko, "RISE" (BMVC 2018), and of the region perturbation
of Samek et al., "Evaluating the Visualization of What a Deep Neural Network Has Learned" (IEEE TNNLS 2017), who compare
with random places, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.occlusion import hide
from live_cam.explain.probabilities import probabilities
from live_cam.frame import Explanation, Frame, Lens, Target

Verdict = Literal["faithful", "doubtful", "unfaithful", "too little to tell"]

HIDDEN_PART: Final = 0.2
"""Of the picture's area."""

_RANDOM_FIFTHS = 2
# Maps of 7x7 are enlarged as they are when painted, else a fifth would be ten whole cells of them.
_GRID_PX = 56
_TIES_PX = 7

# Random fifths cost 0 to 30 points on photographs, now and then all (the thing is small and was hit): a single
# measurement says little. A mean over 8, which is four seconds at two a second, is steady to some 5 points.
_FEWEST = 3
_MEMORY = 8
_LEAST_BELIEF = 0.05
_LEAST_FALL = 0.05
_CLEARLY_MORE = 2.0


@dataclass(frozen=True, slots=True)
class FaithfulnessScore:
    """What hiding the hottest fifth costs, against what hiding random fifths does.

    Attributes:
        fall: By how much the belief falls when the hottest fifth of the picture is hidden, -1..1; see `belief`.
        random_fall: The mean of the same for random fifths.
        measured: How many measurements were made.
        verdict: In the order in which they are tried: "too little to tell" after fewer than 3 measurements, with a
            belief under 0.05, or where both falls are under 0.05 (the thing is recognised without any one fifth);
            "faithful" where the hottest fifth costs at least twice as much as random ones and 0.05 more;
            "unfaithful" where it costs no more than they do; else "doubtful".
        words: The same, as a short sentence.
    """

    fall: float
    random_fall: float
    measured: int
    verdict: Verdict
    words: str


class Faithfulness:
    """Measures how faithful the maps for one question are, on one frame of its source after another.

    A measurement is `begin`, and then for each `next_picture` that it gives, `note` with what the network made of it.
    """

    def __init__(self) -> None:
        self._asked: tuple[str, Target, Lens] | None = None
        self._pictures: list[NDArray[np.uint8]] = []
        self._beliefs: list[float] = []
        self._means = np.zeros(3)
        self._measured = 0

    def begin(self, frame: Frame, explanation: Explanation, rng: np.random.Generator) -> None:
        """Begins a measurement; one that was not finished is given up.

        Another source, question, class or lens forgets what was measured, and so does a map without evidence, for
        which there is no measurement.

        The random fifths are the hottest one, mirrored and shifted at random, round the edges. So they have its area
        and its shape, on which the loss depends even where nothing matters, and hide each place equally often.

        Args:
            frame: The frame explained.
            explanation: What was found in it; the map of this very frame is put to the test.
            rng: Where chance comes from.
        """
        asked = frame.source_id, explanation.target, explanation.lens
        has_evidence = explanation.strength > 0.0 and bool(explanation.saliency_map.max() > 0.0)
        if asked != self._asked or not has_evidence:
            self._asked, self._measured = asked, 0
        self._pictures = []
        if not has_evidence:
            return
        hottest = hottest_fifth(explanation.saliency_map, rng)
        masks = [hottest, *(_moved(hottest, rng) for _ in range(_RANDOM_FIFTHS))]
        seen = hide(frame.rgb, np.zeros((1, 1), bool))
        self._pictures = [hide(seen, mask) for mask in masks]
        self._beliefs = [belief(explanation.logits, explanation.target)]

    def next_picture(self) -> NDArray[np.uint8] | None:
        """Gives what to put through the network next, uint8 (224, 224, 3), RGB; None when nothing is left to do."""
        return self._pictures[0] if self._pictures else None

    def note(self, logits: NDArray[np.float32]) -> None:
        """Takes in the logits float32 (classes,) of the picture that `next_picture` gave."""
        if self._asked is None or not self._pictures:
            return
        self._pictures.pop(0)
        self._beliefs.append(belief(logits, self._asked[1]))
        if self._pictures:
            return
        whole, without_hottest, *without_random = self._beliefs
        values = np.array([whole, whole - without_hottest, whole - float(np.mean(without_random))])
        self._measured += 1
        self._means += (values - self._means) / min(self._measured, _MEMORY)

    @property
    def result(self) -> FaithfulnessScore | None:
        """What was found so far; None before the first measurement, and where there is no evidence to test."""
        if self._measured == 0:
            return None
        whole, fall, random_fall = (float(value) for value in self._means)
        verdict, reason = _judge(whole, fall, random_fall, self._measured)
        words = f"Hiding the hottest fifth {_cost(fall)}, hiding a random fifth {_cost(random_fall)}: {reason}"
        return FaithfulnessScore(fall, random_fall, self._measured, verdict, words)


def belief(logits: NDArray[np.float32], target: Target) -> float:
    """Gives how much the network believes what the question supposes, 0..1.

    That is the probability of the class; of two held against each other, the one's share of the probability of both;
    and where it is asked what speaks against a class, the probability that it is another.

    Args:
        logits: float32 (classes,).
        target: The question, with its `index` known.
    """
    if target.versus is not None:
        return float(probabilities(np.stack([logits[target.index], logits[target.versus]]))[0])
    of_class = float(probabilities(logits)[target.index])
    return 1.0 - of_class if target.against else of_class


def hottest_fifth(saliency_map: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Gives the fifth of the picture's area that has the highest values.

    Among equal values, as where most of a map is 0, coherent patches are drawn by lot: single cells here and there
    would spoil the whole picture.

    Args:
        saliency_map: float32 (h, w).
        rng: Where chance comes from.

    Returns:
        bool (56, 56), a fifth of it True.
    """
    size = (_GRID_PX, _GRID_PX)
    values = cv2.resize(saliency_map, size, interpolation=cv2.INTER_LINEAR)
    lots = cv2.resize(rng.random((_TIES_PX, _TIES_PX)), size, interpolation=cv2.INTER_CUBIC)
    order = np.lexsort((lots.ravel(), -values.ravel()))
    hottest = np.zeros(order.size, bool)
    hottest[order[: round(HIDDEN_PART * order.size)]] = True
    return hottest.reshape(size)


def _moved(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    axes = tuple(axis for axis in (0, 1) if rng.random() < 0.5)
    return np.roll(np.flip(mask, axes), (rng.integers(_GRID_PX), rng.integers(_GRID_PX)), (0, 1))


def _judge(whole: float, fall: float, random_fall: float, measured: int) -> tuple[Verdict, str]:
    if measured < _FEWEST:
        return "too little to tell", "more is being measured."
    if whole < _LEAST_BELIEF:
        return "too little to tell", "the network hardly believes it anyway."
    if max(abs(fall), abs(random_fall)) < _LEAST_FALL:
        return "too little to tell", "it is recognised without any one fifth."
    if fall >= _CLEARLY_MORE * random_fall and fall - random_fall >= _LEAST_FALL:
        return "faithful", "the map points at what matters."
    if fall <= random_fall:
        return "unfaithful", "the map does not point at what matters."
    return "doubtful", "the map does hardly better than chance."


def _cost(fall: float) -> str:
    points = round(100.0 * fall)
    if points == 0:
        return "costs nothing"
    return f"{'costs' if points > 0 else 'adds'} {abs(points)} point{'' if abs(points) == 1 else 's'}"
