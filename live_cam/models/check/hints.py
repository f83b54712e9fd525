"""Signs that a model receives pixels in another range than the one it was trained with.

Logits of trained classifiers have much the same size whatever the network: pixels that are 255 times too large or too
small show in them, and in nothing else that is known of a model without its training images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.models.check.alone import CHOSEN
from live_cam.types import Head

IMAGES_N: Final = 3
"""How many images that differ are needed to tell."""

_CERTAIN: Final = 0.99
# Of the networks in docs/models.md, logits vary by 2 to 11 between images with the right preprocessing, and the best
# two lie 2 to 13 apart, or 67 in one that was trained on raw pixels. Where these are 127 or 255 times too large, the
# best two lie 119 and more apart; where they are too small, logits vary by 1 at most.
_LARGE_MARGIN: Final = 100.0
_PLAUSIBLE_MARGIN: Final = 80.0
_SMALL_SPREAD: Final = 1.0
_PLAUSIBLE_SPREAD: Final = (1.0, 40.0)
_OTHER_RANGE: Final = 10.0
# In the same range, confidence tells; but twice the contrast alone makes any network more confident.
_UNSURE: Final = 0.6
_SURER_BY: Final = 0.3
_SAME_RANGE: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a model answers to images with one preprocessing.

    Attributes:
        spread: How much the logits vary between the images: the standard deviation of the class that varies most.
        margin: How far the logits of the top two classes lie apart, in the median of the images.
        confidence: The probability of the top class, in the median of the images.
    """

    spread: float
    margin: float
    confidence: float

    @classmethod
    def of(cls, logits: NDArray[np.float32], head: Head) -> _Answers:
        ascending = np.sort(logits.astype(np.float64), axis=1)
        return cls(
            float(logits.std(axis=0, dtype=np.float64).max()),
            float(np.median(ascending[:, -1] - ascending[:, -2])),
            float(np.median(_top_probabilities(logits, head))),
        )

    @property
    def is_plausible(self) -> bool:
        low, high = _PLAUSIBLE_SPREAD
        return low <= self.spread <= high and self.margin <= _PLAUSIBLE_MARGIN


def find_hints(
    logits: Mapping[str, NDArray[np.float32]], num_images: int, labels: Sequence[str], head: Head
) -> list[str]:
    """Returns a line for each sign of the wrong preprocessing, with the figure that it rests on.

    Args:
        logits: By the name of a preprocessing, one of them `CHOSEN`, logits (N + M, classes) of N images and of M
            without content.
        num_images: N, of which at least `IMAGES_N` differ.
        labels: The names of the classes.
        head: How probabilities follow from the logits.
    """
    finite = {name: each for name, each in logits.items() if np.isfinite(each).all()}
    if CHOSEN not in finite:
        return ["the logits are infinite or no numbers: the pixels may be too large for it; try another --preprocess"]
    answers = {name: _Answers.of(each[:num_images], head) for name, each in finite.items()}
    hints = [_same_class(finite[CHOSEN], num_images, labels, head), _other_range(answers), _other_confidence(answers)]
    return [hint for hint in hints if hint]


def _top_probabilities(logits: NDArray[np.float32], head: Head) -> NDArray[np.float64]:
    highest = logits.max(axis=1).astype(np.float64)
    rest = np.logaddexp(0.0, highest) if head == "sigmoid" else np.logaddexp.reduce(logits, axis=1)
    return np.asarray(np.exp(highest - rest))


def _same_class(logits: NDArray[np.float32], num_images: int, labels: Sequence[str], head: Head) -> str:
    top = logits.argmax(axis=1)
    certainty = _top_probabilities(logits, head).min()
    if len(set(top.tolist())) > 1 or certainty < _CERTAIN:
        return ""
    return (
        f"all {num_images} images, and black, grey, white and noise as well, are {labels[top[0]]!r} with at least "
        f"{certainty:.1%}: it may receive pixels in another range than in training; see --preprocess"
    )


def _other_range(answers: Mapping[str, _Answers]) -> str:
    chosen = answers[CHOSEN]
    if chosen.margin > _LARGE_MARGIN:
        names = [
            name
            for name, each in answers.items()
            if each.is_plausible and chosen.spread > _OTHER_RANGE * each.spread and each.margin < chosen.margin
        ]
        figures = f"the logits of its top two classes lie {chosen.margin:,.0f} apart"
        sign, other = "pixels may be too large for it", "{:.1f}"
        return _suggest(sign, figures, other, names, [answers[name].margin for name in names])
    if chosen.spread < _SMALL_SPREAD:
        names = [
            name for name, each in answers.items() if each.is_plausible and each.spread > _OTHER_RANGE * chosen.spread
        ]
        figures = f"its logits vary by {chosen.spread:.2g} between the images"
        return _suggest("pixels may be too small for it", figures, "{:.1f}", names, [answers[n].spread for n in names])
    return ""


def _other_confidence(answers: Mapping[str, _Answers]) -> str:
    chosen = answers[CHOSEN]
    if chosen.confidence >= _UNSURE or chosen.spread < _SMALL_SPREAD:
        return ""
    name, best = max(answers.items(), key=lambda item: item[1].confidence if item[1].is_plausible else 0.0)
    is_surer = best.is_plausible and best.confidence >= chosen.confidence + _SURER_BY
    if not is_surer or best.spread > _SAME_RANGE * chosen.spread:
        return ""
    return _suggest(
        "colours may reach it otherwise than in training",
        f"the probability of its top class is {chosen.confidence:.1%} in the median of the images",
        "{:.1%}",
        [name],
        [best.confidence],
    )


def _suggest(sign: str, figures: str, form: str, names: Sequence[str], values: Sequence[float]) -> str:
    if not names:
        return ""
    found = ", ".join(f"{form.format(value)} with {name}" for name, value in zip(names, values, strict=True))
    return f"{sign}: {figures}, {found}; try --preprocess {' or '.join(names)}"
