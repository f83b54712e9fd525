"""Pictures of two colours that the classifier of colours has no name for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

PURPLE, TEAL = (180, 0, 180), (0, 160, 160)
SIZE_PX = 48, 32


def paint(rng, colour):
    """Returns uint8 (32, 48, 3): a blob of a colour at some place, before a dim background of any colour."""
    width, height = SIZE_PX
    rgb = np.tile(rng.integers(0, 60, 3), (height, width, 1)).astype(np.uint8)
    top, left = rng.integers(0, height - 20), rng.integers(0, width - 20)
    rgb[top : top + 20, left : left + 20] = np.clip(np.array(colour) + rng.integers(-15, 16, 3), 0, 255)
    return rgb


def paint_folder(folder: Path, takes_n: int = 3, pictures_n: int = 4) -> Path:
    """Writes the classes `purple` and `teal`, each of takes with pictures, into a folder."""
    rng = np.random.default_rng(0)
    for label, colour in (("purple", PURPLE), ("teal", TEAL)):
        for take in range(takes_n):
            (folder / label / f"take {take}").mkdir(parents=True)
            for number in range(pictures_n):
                Image.fromarray(paint(rng, colour)).save(folder / label / f"take {take}" / f"{number}.png")
    return folder
