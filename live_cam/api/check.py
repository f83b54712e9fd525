"""Whether what is explained is what the model itself says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import ModelError
from live_cam.explain.explainer import Explainer
from live_cam.explain.saliency.evidence import empty_images
from live_cam.explain.saliency.targets import probabilities, top_classes
from live_cam.models.check.agreement import output_probabilities, tolerance
from live_cam.models.check.alone import predict_alone
from live_cam.models.check.hints import IMAGES_N, find_hints
from live_cam.models.model import Model
from live_cam.models.preprocess import resize_to_input
from live_cam.text import encodable
from live_cam.types import Frame

_TOP_N: Final = 3
_MAX_LABEL_CHARS: Final = 24


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a model says to images, next to what is explained.

    Attributes:
        names: The images.
        labels: The names of the classes.
        own: The probabilities (N, classes) that the model itself yields.
        explained: Those that are explained.
        tolerance: The largest difference that counts as agreement.
        settings: Model and settings, by name.
        hints: Signs of the wrong preprocessing, a line each.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    own: NDArray[np.float64]
    explained: NDArray[np.float64]
    tolerance: float
    settings: dict[str, str]
    hints: tuple[str, ...]

    @property
    def differences(self) -> NDArray[np.float64]:
        """The largest difference of the probabilities of each image, over all classes; infinite for one that is NaN."""
        differences = np.abs(self.own - self.explained).max(axis=1)
        return np.where(np.isfinite(differences), differences, np.inf)

    @property
    def agrees(self) -> bool:
        """Whether both say the same of all images."""
        return bool(self.differences.max() <= self.tolerance)

    @property
    def verdict(self) -> str:
        """One line: whether both agree, and how far they lie apart."""
        difference, precision = self.differences.max(), self.settings["precision"]
        if self.agrees:
            return f"agrees: at most {difference:.1g} apart, in {precision}"
        return (
            f"differs: up to {difference:.2g} apart, more than {self.tolerance:g} in {precision}; what is explained is "
            "not what the model says: please report it"
        )

    def as_json(self) -> dict[str, Any]:
        """Returns values of JSON."""
        differences = [float(each) if np.isfinite(each) else None for each in self.differences]
        images = [
            {
                "image": encodable(name),
                "predict": self._top(own),
                "explained": self._top(ours),
                "difference": difference,
            }
            for name, own, ours, difference in zip(self.names, self.own, self.explained, differences, strict=True)
        ]
        return {
            **self.settings,
            "images": images,
            "difference": None if None in differences else max(each for each in differences if each is not None),
            "tolerance": self.tolerance,
            "agrees": self.agrees,
            "hints": list(self.hints),
        }

    def as_lines(self) -> list[str]:
        """Returns lines for the terminal, the verdict last."""
        lines = []
        for name, own, ours, difference in zip(self.names, self.own, self.explained, self.differences, strict=True):
            lines.append(f"{name}: at most {difference:.1g} apart")
            lines.append(f"  {'predict alone':<{_MAX_LABEL_CHARS + 9}}explained")
            for alone, explained in zip(self._top(own), self._top(ours), strict=True):
                lines.append(f"  {_score(alone):<{_MAX_LABEL_CHARS + 9}}{_score(explained)}")
        return [*lines, *self.hints, self.verdict]

    def _top(self, scores: NDArray[np.float64]) -> list[dict[str, Any]]:
        return [
            {"index": index, "label": self.labels[index], "probability": round(float(scores[index]), 6)}
            for index in top_classes(np.nan_to_num(scores), _TOP_N)
        ]


def check_model(model: Model, explainer: Explainer, frames: Sequence[Frame]) -> Report:
    """Compares the probabilities of a model, run by Keras or OpenVINO alone, with those that are explained.

    Args:
        model: The model, of a file.
        explainer: What explains it.
        frames: Images, named by their sources. Both receive them resized as for an explanation.

    Raises:
        LiveCamError: The model can't be run.
    """
    classifier = model.classifier
    assert model.file is not None
    pixels = np.zeros((len(frames), *classifier.input_px, 3), np.uint8)
    resize_to_input([frame.rgb for frame in frames], pixels)
    logits = np.stack([explainer.explain(Frame(each, pts_ns=0)).logits for each in pixels])
    can_tell = len({each.tobytes() for each in pixels}) >= IMAGES_N
    empty = np.stack(empty_images(classifier.input_px)) if can_tell else None
    alone = predict_alone(model.file, pixels, empty, classifier.preprocessing)
    own = output_probabilities(alone.outputs, alone.probes)
    explained = probabilities(logits, classifier.head)
    if own.shape != explained.shape:
        raise ModelError(
            f"{classifier.name} itself puts out {own.shape[1]} classes, and {explained.shape[1]} are explained; please "
            "report it"
        )
    if can_tell:
        hints = find_hints(alone.logits, len(pixels), classifier.labels, classifier.head)
    else:
        hints = [f"to check the preprocessing as well, give {IMAGES_N} or more images that differ"]
    return Report(
        tuple(frame.source_id for frame in frames),
        classifier.labels,
        own,
        explained,
        tolerance(explainer.precision, alone.rounding),
        {"model": classifier.name, "runtime": explainer.runtime, "precision": explainer.precision},
        tuple(hints),
    )


def _score(score: dict[str, Any]) -> str:
    label: str = score["label"]
    if len(label) > _MAX_LABEL_CHARS:
        label = label[: _MAX_LABEL_CHARS - 1] + "…"
    return f"{score['probability']:6.1%} {label}"
