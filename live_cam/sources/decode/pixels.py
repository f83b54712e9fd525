"""Frames whose pixels are not square."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

_MAX_PIXEL_RATIO = Fraction(4)


def square_pixels(rgb: NDArray[np.uint8], pixel_ratio: Fraction) -> NDArray[np.uint8]:
    """Returns a frame uint8 (H, W, 3) as wide as it is shown, and no smaller than it is.

    Args:
        rgb: uint8 (H, W, 3).
        pixel_ratio: Width of a pixel divided by its height; one beyond `_MAX_PIXEL_RATIO` is taken for damage.
    """
    if pixel_ratio == 1 or not 1 / _MAX_PIXEL_RATIO <= pixel_ratio <= _MAX_PIXEL_RATIO:
        return rgb
    height, width = rgb.shape[:2]
    size_px = (round(width * max(pixel_ratio, 1)), round(height / min(pixel_ratio, 1)))
    return np.asarray(cv2.resize(rgb, size_px, interpolation=cv2.INTER_LINEAR), np.uint8)
