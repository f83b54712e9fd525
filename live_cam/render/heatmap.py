"""The colours of the map over the picture."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.colormaps import color_table
from live_cam.render.enlarging import enlarged


def paint_colors(
    rgb: NDArray[np.uint8], relative: NDArray[np.float32], weight: float, colormap: str
) -> NDArray[np.uint8]:
    """Paints each place in the colour of its value, the more opaquely the higher the value.

    The opacity goes by the value's square root, so that middling values are seen.

    Args:
        rgb: uint8 (H, W, 3), the picture.
        relative: float32 (h, w), the map as parts of its scale, 0..1.
        weight: The opacity of the value 1, 0..1.
        colormap: What gives the values their colours.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    paint = cv2.convertScaleAbs(_colors_by_root(colormap), alpha=weight).view(np.int32)
    picture = np.empty(rgb.shape, np.uint8)
    for rows, values in enlarged(relative, *rgb.shape[:2]):
        root = cv2.sqrt(values)
        kept = cv2.convertScaleAbs(root, alpha=-255.0 * weight, beta=255.0)
        kept_rgb = cv2.multiply(rgb[rows], cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        # Looking up four bytes at once, as one integer, takes half as long as three one by one.
        paint_rgbx = cv2.LUT(cv2.convertScaleAbs(root, alpha=255.0), paint).view(np.uint8).reshape(*root.shape, 4)
        cv2.add(kept_rgb, cv2.cvtColor(paint_rgbx, cv2.COLOR_RGBA2RGB), dst=picture[rows])
    return picture


@cache
def _colors_by_root(colormap: str) -> NDArray[np.float32]:
    """Gives the colours times the root, for roots of the map's value in 255 steps, float32 (256, 4), RGB and 0."""
    root = np.linspace(0.0, 1.0, 256)
    colors = color_table(colormap)[:, 0]
    table = np.zeros((256, 4), np.float32)
    for channel in range(3):
        table[:, channel] = root * np.interp(root**2, root, colors[:, channel])
    table.flags.writeable = False
    return table
