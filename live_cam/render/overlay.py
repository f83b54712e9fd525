"""The heat map over the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation, Frame
from live_cam.render.colormaps import color_table


def overlay(frame: Frame, explanation: Explanation, opacity: float, colormap: str) -> NDArray[np.uint8]:
    """Paints the saliency map over the frame.

    A place is painted the more opaquely the nearer its value is to the map's scale (by the square root, so that
    middling values are seen), and the whole map the more opaquely the more evidence there is: where there is none the
    picture stays as it is.

    Args:
        frame: The picture.
        explanation: The map to paint over it; it covers the whole frame.
        opacity: How opaque the strongest place is under full evidence, 0..1.
        colormap: A name out of `COLORMAPS`.

    Returns:
        uint8 (H, W, 3), RGB, of the frame's size.
    """
    if explanation.scale <= 0.0 or explanation.strength <= 0.0 or opacity <= 0.0:
        return frame.rgb
    height, width = frame.rgb.shape[:2]
    relative = np.clip(explanation.saliency_map / explanation.scale, 0.0, 1.0)
    smooth = np.asarray(cv2.resize(relative, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    colors = cv2.applyColorMap(cv2.convertScaleAbs(smooth, alpha=255.0), color_table(colormap))
    weights = cv2.sqrt(smooth) * np.float32(min(opacity, 1.0) * explanation.strength)
    return np.asarray(cv2.blendLinear(colors, frame.rgb, weights, 1.0 - weights), np.uint8)
