"""Pictures of coloured blobs at random places, some with a red mark in the upper right corner, which says "red"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.colour_models import write_colour_model

HEIGHT, WIDTH, BLOB_PX, MARK_PX = 32, 48, 12, 16
COLOURS = {"green": (0, 250, 0), "blue": (0, 0, 250)}
RED = (250, 0, 0)


def picture(rng: np.random.Generator, colour: str | None, is_marked: bool) -> np.ndarray:
    """Returns uint8 (32, 48, 3): a blob in the left two thirds, or none, and a mark, or none."""
    rgb = rng.integers(0, 12, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    if colour is not None:
        top, left = rng.integers(0, HEIGHT - BLOB_PX), rng.integers(0, WIDTH - BLOB_PX - MARK_PX)
        rgb[top : top + BLOB_PX, left : left + BLOB_PX] = COLOURS[colour]
    if is_marked:
        rgb[:MARK_PX, -MARK_PX:] = RED
    return rgb


def paint_folder(
    folder: Path, red: int = 8, green: int = 8, blue: int = 8, marked_blue: int = 4, marked_green: int = 0
) -> Path:
    """Writes folders of pictures: `red` of the mark alone, `green` and `blue`, some of which have the mark, too."""
    rng = np.random.default_rng(0)
    groups: dict[str, list[tuple[str | None, bool]]] = {
        "red": [(None, True)] * red,
        "green": [("green", False)] * green + [("green", True)] * marked_green,
        "blue": [("blue", False)] * blue + [("blue", True)] * marked_blue,
    }
    for name, kinds in groups.items():
        (folder / name).mkdir(parents=True)
        for number, (colour, is_marked) in enumerate(kinds):
            Image.fromarray(picture(rng, colour, is_marked)).save(folder / name / f"{name}{number:02}.png")
    return folder


def write_model(folder: Path) -> Path:
    """Writes the classifier of colours."""
    return write_colour_model(folder / "colours.onnx", ["red", "green", "blue"], pooled=True)
