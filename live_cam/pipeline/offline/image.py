"""One image file explained, and the result written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from live_cam.errors import UsageError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.files import new_file
from live_cam.render.overlay import overlay
from live_cam.sources.pictures.reader import read_rgb
from live_cam.text import encodable
from live_cam.types import CLASSLESS_METHODS, Explanation, Frame, OverlayStyle, Target


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """An image with its explanation."""

    image: Path
    frame: Frame
    explanation: Explanation
    explainer: ExplainerProtocol

    def as_json(self) -> str:
        """Returns one line of JSON."""
        saliency_map = self.explanation.saliency_map
        size = {"shape": list(saliency_map.shape), "max": round(float(saliency_map.max()), 6)}
        image = encodable(str(self.image))
        return json.dumps({"image": image, **describe(self.explainer), **self.explanation.describe(), "map": size})

    def as_lines(self) -> list[str]:
        """Returns lines for the terminal."""
        target = self.explanation.target_label
        if self.explainer.method in CLASSLESS_METHODS:
            target = "the strongest activation, whatever the class"
        if self.explanation.target.counterfactual:
            target = f"what speaks against {target}"
        if self.explanation.contrast_label:
            target += f", not {self.explanation.contrast_label}"
        classes = [f"  {score.probability:6.1%}  {score.label}" for score in self.explanation.top]
        return [f"{self.image}: explained is {target}", *classes]

    def save(self, overlay_path: Path | None, map_path: Path | None) -> None:
        """Writes the overlay as PNG, and the map (float32 (h, w)) and logits as .npz, where paths are given.

        Raises:
            OutputError: A file exists, or can't be written.
        """
        if overlay_path is not None:
            rgb = overlay(self.frame, self.explanation, OverlayStyle())
            with new_file(overlay_path) as file:
                Image.fromarray(rgb).save(file, format="PNG")
        if map_path is not None:
            with new_file(map_path) as file:
                np.savez(file, map=self.explanation.saliency_map, logits=self.explanation.logits)


def explain_image(explainer: ExplainerProtocol, image: Path, target: Target) -> ImageResult:
    """Explains an image file.

    Raises:
        SourceError: The image can't be read.
        UsageError: Its top class is the contrast class.
    """
    frame = Frame(read_rgb(image), pts_ns=0, source_id=str(image))
    explanation = explainer.explain(frame, target)
    if explanation.target.index == target.contrast:
        raise UsageError(
            f"{image}: {explanation.target_label!r} is the top class as well as the contrast class; give another "
            "--contrast, or the class with --target"
        )
    return ImageResult(image, frame, explanation, explainer)
