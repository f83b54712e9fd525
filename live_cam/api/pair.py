"""An image that two models explain, for `live-cam explain`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from live_cam.api.images import ImageLike, as_frame
from live_cam.api.result import Result, explain_image
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.comparison import ModelPair
from live_cam.files import new_file
from live_cam.render.pair import draw_named_pair
from live_cam.types import Comparison, Target


@dataclass(frozen=True, slots=True, eq=False)
class PairResult:
    """The results of two models.

    Attributes:
        results: Of the first and the second model.
        names: The models' names.
        comparison: Whether they agree.
    """

    results: tuple[Result, Result]
    names: tuple[str, str]
    comparison: Comparison

    def save(self, path: Path) -> None:
        """Writes both overlays side by side, with the models' names above, as `.png`.

        Raises:
            OutputError: The file exists, which is not overwritten, or can't be written.
        """
        first, second = self.results
        with new_file(path) as file:
            picture = draw_named_pair((first.overlay(), second.overlay()), self.names)
            Image.fromarray(picture).save(file, format="PNG")

    def as_json(self) -> str:
        """Returns one line of JSON."""
        first, second = (result.as_dict() for result in self.results)
        image = first.pop("image")
        del second["image"]
        return json.dumps({"image": image, "models": [first, second], **self.comparison})

    def as_lines(self) -> list[str]:
        """Returns lines for the terminal."""
        lines = [self.results[0].frame.source_id]
        for name, result in zip(self.names, self.results, strict=True):
            lines += [f"{name}: explained is {result.subject}", *result.as_lines()[1:]]
        return [*lines, self.comparison["words"], *filter(None, [self.comparison["note"]])]


def explain_with_both(
    explainer: ExplainerProtocol, second_explainer: ExplainerProtocol, image: ImageLike, target: Target
) -> PairResult:
    """Explains an image with two models, the second for the classes of the same names.

    Raises:
        SourceError: The image can't be read.
        UsageError: It is no image, or its top class is the contrast class.
    """
    frame = as_frame(image, "the image")
    pair = ModelPair(explainer.classifier, second_explainer.classifier)
    first = explain_image(explainer, frame, target)
    # With a contrast both are asked about the same two classes, whatever the top class of the second.
    asked = target if target.contrast is None else replace(target, index=first.target.index)
    second = explain_image(second_explainer, frame, pair.second_target(asked))
    comparison = pair.compare(first, second, chosen=target != Target())
    return PairResult((first, second), (explainer.classifier.name, second_explainer.classifier.name), comparison)
