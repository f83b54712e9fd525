"""An explained image: the one result of the command line, of programs and of notebooks."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from live_cam.api.images import ImageLike, as_frame
from live_cam.errors import UsageError
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.files import new_file, require_new
from live_cam.render.encode import encode_png
from live_cam.render.overlay import overlay
from live_cam.render.sheet import draw_sheet
from live_cam.render.summary import draw_summary
from live_cam.text import encodable
from live_cam.types import Explanation, Frame, OverlayStyle, Target


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(Explanation):
    """An explanation with its image. Notebooks show the overlay and the top three.

    Attributes:
        frame: The image; its `source_id` is the path, or empty if it came from memory.
        settings: Model and settings, as in `live-cam explain --json`.
    """

    frame: Frame
    settings: dict[str, Any]

    @property
    def map(self) -> NDArray[np.float32]:
        """The saliency map, float32 (h, w), at the activation's own size: rectified, not normalised."""
        return self.saliency_map

    def overlay(self, overlay_style: OverlayStyle = OverlayStyle()) -> NDArray[np.uint8]:
        """Returns the image with its map, uint8 (H, W, 3), RGB, in the size of the image."""
        return np.array(overlay(self.frame, self, overlay_style))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the overlay as `.png`; or as `.npz` the map, float32 (h, w), its `map_box`, and the logits (classes,).

        Raises:
            UsageError: The suffix is neither.
            OutputError: The file exists, which is not overwritten, or can't be written.
        """
        path = Path(path)
        is_map = path.suffix.casefold() == ".npz"
        require_new(path, ".npz" if is_map else ".png")
        with new_file(path) as file:
            if is_map:
                np.savez(file, map=self.saliency_map, map_box=self.map_box, logits=self.logits)
            else:
                Image.fromarray(self.overlay()).save(file, format="PNG")

    def save_sheet(self, path: str | os.PathLike[str], *, jet: bool = False) -> None:
        """Writes photograph, raw map and overlay side by side, with the top classes below, as `.png`.

        Args:
            path: The new file.
            jet: Whether the overlay is that of keras.io's example, in jet over the whole image.

        Raises:
            UsageError: The suffix is another.
            OutputError: The file exists, which is not overwritten, or can't be written.
        """
        path = Path(path)
        require_new(path, ".png")
        with new_file(path) as file:
            Image.fromarray(draw_sheet(self.frame, self, jet=jet)).save(file, format="PNG")

    def as_dict(self) -> dict[str, Any]:
        """Returns JSON values: the image, model and settings, the explanation, and shape and peak of the map."""
        size = {"shape": list(self.map.shape), "max": round(float(self.map.max()), 6)}
        image = encodable(self.frame.source_id) or None
        box = [round(edge, 6) for edge in self.map_box]
        return {"image": image, **self.settings, **self.describe(), "map": size, "map_box": box}

    def as_json(self) -> str:
        """Returns one line of JSON."""
        return json.dumps(self.as_dict())

    def as_lines(self) -> list[str]:
        """Returns lines for the terminal."""
        classes = [f"  {score.probability:6.1%}  {score.label}" for score in self.top]
        return [f"{self.frame.source_id or 'image'}: explained is {self.subject}", *classes]

    def __repr__(self) -> str:
        """Returns one line: what is explained, the top classes, and the size of the map."""
        top = ", ".join(f"{score.probability:.1%} {score.label[:40]!r}" for score in self.top)
        height, width = self.map.shape
        return f"<Result: {top}; {height}x{width} map of {self.subject[:80]!r}>"

    def _repr_png_(self) -> bytes:
        return encode_png(draw_summary(self.frame, self, OverlayStyle()))


def explain_image(explainer: ExplainerProtocol, image: ImageLike, target: Target, name: str = "the image") -> Result:
    """Explains an image.

    Args:
        explainer: Explains.
        image: See `live_cam.api.images.as_frame`.
        target: The target.
        name: What messages call an image that is no file.

    Raises:
        SourceError: The image can't be read.
        UsageError: It is no image, or its top class is the contrast class.
    """
    frame = as_frame(image, name)
    ((explanation,),) = explainer.explain_all([frame], [target])
    if explanation.target.index == target.contrast:
        raise UsageError(
            f"{frame.source_id or name}: {explanation.target_label!r} is the top class as well as the contrast class; "
            "give another contrast, or the class as target"
        )
    values = {field.name: getattr(explanation, field.name) for field in fields(explanation)}
    return Result(**values, frame=frame, settings=describe(explainer))
