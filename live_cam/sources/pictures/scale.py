"""The size of images that are shown live."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MAX_PX = (1920, 1080)


def scale_down(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scales an image down to the largest size that the pipeline handles live."""
    height_px, width_px = rgb.shape[:2]
    scale = min(_MAX_PX[0] / width_px, _MAX_PX[1] / height_px)
    if scale >= 1:
        return rgb
    size_px = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    return np.asarray(cv2.resize(rgb, size_px, interpolation=cv2.INTER_AREA), np.uint8)
