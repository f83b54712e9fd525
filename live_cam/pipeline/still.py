"""One picture explained, and its result written down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from live_cam.explain.explainer import Explain
from live_cam.frame import CLASSLESS_METHODS, Explanation, Frame, Look, Target
from live_cam.render.overlay import overlay
from live_cam.sinks.new_file import new_file
from live_cam.sources.image import read_rgb


@dataclass(frozen=True, slots=True, eq=False)
class StillResult:
    """A picture with its explanation."""

    image: Path
    frame: Frame
    explanation: Explanation
    explainer: Explain

    def as_json(self) -> str:
        """Gives one line of JSON."""
        explanation = self.explanation
        return json.dumps(
            {
                "image": str(self.image),
                "top": [asdict(score) for score in explanation.top],
                "target": explanation.target_label,
                "versus": explanation.versus_label,
                "against": explanation.target.against,
                "layer": self.explainer.layer,
                "method": self.explainer.method,
                "score": self.explainer.score,
                "runtime": self.explainer.runtime,
                "precision": self.explainer.precision,
                "map": {
                    "shape": list(explanation.saliency_map.shape),
                    "max": round(float(explanation.saliency_map.max()), 6),
                },
            }
        )

    def as_text(self) -> str:
        """Gives lines for a person."""
        question = self.explanation.target_label
        if self.explainer.method in CLASSLESS_METHODS:
            question = "what the layer responds to most, whatever the class"
        if self.explanation.target.against:
            question = f"what speaks against {question}"
        if self.explanation.versus_label:
            question += f", not {self.explanation.versus_label}"
        lines = [f"{self.image}: explained is {question}"]
        lines += [f"  {score.probability:6.1%}  {score.label}" for score in self.explanation.top]
        return "\n".join(lines)

    def save(self, picture: Path | None, saliency_map: Path | None) -> None:
        """Writes what is asked for: the overlay as a picture, the map (float32 (h, w)) and logits as .npz.

        Raises:
            OutputError: A file is there already, or can't be written.
        """
        if picture is not None:
            rgb = overlay(self.frame, self.explanation, Look())
            with new_file(picture) as file:
                Image.fromarray(rgb).save(file, format="PNG")
        if saliency_map is not None:
            with new_file(saliency_map) as file:
                np.savez(file, map=self.explanation.saliency_map, logits=self.explanation.logits)


def explain_image(explainer: Explain, image: Path, target: Target) -> StillResult:
    """Explains one picture file.

    Raises:
        SourceError: The picture can't be read.
    """
    frame = Frame(read_rgb(image), pts_ns=0, seq=0, source_id=str(image))
    return StillResult(image, frame, explainer.explain(frame, target), explainer)
