"""What two models make of the same pictures: figures of all, and each picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from live_cam.api.picture_set.pictures import Picture
from live_cam.explain.metrics.base import Estimate, estimate
from live_cam.text import percent
from live_cam.types import ClassScore, Target


@dataclass(frozen=True, slots=True)
class PictureComparison:
    """What two models make of a picture; all pairs are old and new.

    Attributes:
        picture: The picture.
        answers: The top classes.
        targets: What the maps explain: the old model's answer, by the new one the class of the same name.
        explained: The names of these classes.
        agree: Whether the answers have the same name.
        correct: Whether they name the true class; None if that is not known.
        correlation: That of the maps, -1..1.
        on_object: The shares of the maps on the object, 0..1; NaN if it is not known where that is, or a map is empty.
    """

    picture: Picture
    answers: tuple[ClassScore, ClassScore]
    targets: tuple[Target, Target]
    explained: tuple[str, str]
    agree: bool
    correct: tuple[bool, bool] | None
    correlation: float
    on_object: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """Returns values of JSON."""
        old, new = (
            {
                "answer": asdict(answer) | {"probability": round(answer.probability, 6)},
                "explained": explained,
                "correct": self.correct and self.correct[i],
                "on_object": None if math.isnan(self.on_object[i]) else round(self.on_object[i], 6),
            }
            for i, (answer, explained) in enumerate(zip(self.answers, self.explained, strict=True))
        )
        return {
            "picture": self.picture.name,
            "map_correlation": round(self.correlation, 6),
            "agree": self.agree,
            "old": old,
            "new": new,
        }

    def as_line(self) -> str:
        """Returns a line for the terminal."""
        answers = " -> ".join(f"{each.label} {percent(each.probability)}" for each in self.answers)
        shares = ""
        if not any(map(math.isnan, self.on_object)):
            shares = f", on the object {' -> '.join(map(percent, self.on_object))}"
        return f"{self.correlation:6.2f}  {self.picture.name}: {answers}{shares}"


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """What two models make of the same pictures; all pairs are old and new.

    Attributes:
        settings: Models and settings, as in `live-cam explain --json`.
        pictures: At least one; the one whose map moved most is first.
        left_out: How many could not be read.
        notes: What has to be known of the figures, a line each.
    """

    settings: tuple[Mapping[str, Any], Mapping[str, Any]]
    pictures: Sequence[PictureComparison]
    left_out: int
    notes: Sequence[str]

    @property
    def accuracy(self) -> tuple[float, float] | None:
        """The shares of the pictures of known class that are called right; None if there is none."""
        known = [each.correct for each in self.pictures if each.correct is not None]
        if not known:
            return None
        old, new = np.mean(known, axis=0).tolist()
        return old, new

    @property
    def agreement(self) -> float:
        """The share of the pictures that both call the same."""
        return float(np.mean([each.agree for each in self.pictures]))

    @property
    def median_correlation(self) -> float:
        """The median of the correlations of the maps."""
        return self._correlation(50)

    @property
    def on_object(self) -> tuple[Estimate, Estimate]:
        """The mean shares of the maps on the object."""
        both = [each.on_object for each in self.pictures if not any(map(math.isnan, each.on_object))]
        return estimate(old for old, _ in both), estimate(new for _, new in both)

    def _correlation(self, percentile: float) -> float:
        return float(np.percentile([each.correlation for each in self.pictures], percentile))

    def as_dict(self) -> dict[str, Any]:
        """Returns values of JSON, of all pictures."""
        old, new = self.settings
        accuracy, on_object = self.accuracy, self.on_object
        return {
            "old": old,
            "new": new,
            "pictures_n": len(self.pictures),
            "left_out": self.left_out,
            "accuracy": accuracy and {name: round(v, 6) for name, v in zip(("old", "new"), accuracy, strict=True)},
            "agreement": round(self.agreement, 6),
            "map_correlation": {
                "median": round(self.median_correlation, 6),
                "p10": round(self._correlation(10), 6),
                "least": round(self._correlation(0), 6),
            },
            "on_object": {name: each.as_dict() for name, each in zip(("old", "new"), on_object, strict=True)}
            if on_object[0].n
            else None,
            "notes": list(self.notes),
            "pictures": [each.as_dict() for each in self.pictures],
        }

    def as_lines(self, top: int) -> list[str]:
        """Returns lines for the terminal: the figures, and the pictures whose maps moved most, `top` at most."""
        old, new = (each["model"]["name"] for each in self.settings)
        left_out = f", {self.left_out} left out" if self.left_out else ""
        lines = [f"{old} -> {new}, {len(self.pictures)} pictures{left_out}"]
        if self.accuracy is not None:
            known = sum(each.correct is not None for each in self.pictures)
            lines.append(f"accuracy         {_change(*(f'{each:.1%}' for each in self.accuracy))} of {known}")
        lines.append(f"same answer      {self.agreement:.1%}")
        lines.append(
            f"map correlation  median {self.median_correlation:.3f}, 10th percentile {self._correlation(10):.3f}, "
            f"least {self._correlation(0):.3f}"
        )
        before, after = self.on_object
        if before.n:
            lines.append(f"on the object    {_change(*map(_in_percent, (before, after)))} of {before.n}")
        lines += self.notes
        if top:
            lines.append("moved most:")
        return [*lines, *(each.as_line() for each in self.pictures[:top])]


def _change(old: str, new: str) -> str:
    return f"{old} -> {new}"


def _in_percent(each: Estimate) -> str:
    error = "" if math.isnan(each.standard_error) else f" ± {each.standard_error:.1%}"
    return f"{each.mean:.1%}{error}"
