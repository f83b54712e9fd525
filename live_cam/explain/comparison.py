"""Two models on the same frames: the classes that both have, and whether they agree."""

from __future__ import annotations

from live_cam.models.classifier import Classifier
from live_cam.models.labels import fold_label
from live_cam.text import percent
from live_cam.types import ClassScore, Comparison, Explanation, Target


class ModelPair:
    """Two models, whose classes correspond where `fold_label` makes their labels the same."""

    def __init__(self, first: Classifier, second: Classifier) -> None:
        self._models = first, second
        # Of classes with the same label, the first counts.
        self._first = {fold_label(label): i for i, label in reversed(list(enumerate(first.labels)))}
        self._second = {fold_label(label): i for i, label in reversed(list(enumerate(second.labels)))}

    def counterpart(self, index: int | None) -> int | None:
        """Returns the second model's class for one of the first; None for None, and if there is no such class."""
        return None if index is None else self._second.get(fold_label(self._models[0].labels[index]))

    def second_target(self, target: Target) -> Target:
        """Returns the second model's target for one of the first.

        Without the class it is the second model's own top class, and without the contrast class the class alone.
        """
        index, contrast = self.counterpart(target.index), self.counterpart(target.contrast)
        if target.index is not None and index is None:
            return Target()
        return Target(index, None if contrast == index else contrast, target.counterfactual)

    def compare(self, first: Explanation, second: Explanation, *, chosen: bool) -> Comparison:
        """Compares the classes that are shown.

        Args:
            first: By the first model.
            second: By the second.
            chosen: Whether a person has chosen the classes that `first` explains.
        """
        ours, theirs = first.smoothed_top[0], second.smoothed_top[0]
        agree = fold_label(ours.label) == fold_label(theirs.label)
        if agree:
            words = f"agree: {ours.label}"
        else:
            one = _answer(self._models[0].name, ours, None if fold_label(theirs.label) in self._first else theirs)
            other = _answer(self._models[1].name, theirs, None if fold_label(ours.label) in self._second else ours)
            words = f"disagree: {one}, {other}"
        return {"agree": agree, "words": words, "note": self._note(first, second) if chosen else ""}

    def _note(self, first: Explanation, second: Explanation) -> str:
        classes = [(first.target.index, first.target_label), (first.target.contrast, first.contrast_label)]
        lacking = [f"no class {label}" for i, label in classes if i is not None and self.counterpart(i) is None]
        if not lacking:
            return ""
        return f"{self._models[1].name} has {' and '.join(lacking)}: its map explains {second.subject}"


def _answer(name: str, score: ClassScore, unknown: ClassScore | None) -> str:
    lacks = "" if unknown is None else f" (it has no class {unknown.label})"
    return f"{name} says {score.label} {percent(score.probability)}{lacks}"
