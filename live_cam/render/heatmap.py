"""Heat map over the frame."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.colormaps import color_table
from live_cam.render.upsample import PixelBox, resize


def draw_heatmap(
    rgb: NDArray[np.uint8], normalized: NDArray[np.float32], opacity: float, colormap: str, box: PixelBox
) -> NDArray[np.uint8]:
    """Blends the colour of each value into the frame, the more opaque the higher the value.

    The opacity is proportional to the value's square root, so that medium values are visible.

    Args:
        rgb: uint8 (H, W, 3), the frame.
        normalized: float32 (h, w), the map, 0..1.
        opacity: Opacity of the value 1, 0..1.
        colormap: Name of the colour map.
        box: What the map covers.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    table = cv2.convertScaleAbs(_premultiplied_colors(colormap), alpha=opacity).view(np.int32)
    overlay = np.empty(rgb.shape, np.uint8)
    height, width = rgb.shape[:2]
    for rows, values in resize(normalized, height, width, box):
        root = cv2.sqrt(values)
        kept = cv2.convertScaleAbs(root, alpha=-255.0 * opacity, beta=255.0)
        kept_rgb = cv2.multiply(rgb[rows], cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        # Looking up four bytes at once, as one integer, takes half as long as three separate bytes.
        colors_rgbx = cv2.LUT(cv2.convertScaleAbs(root, alpha=255.0), table).view(np.uint8).reshape(*root.shape, 4)
        cv2.add(kept_rgb, cv2.cvtColor(colors_rgbx, cv2.COLOR_RGBA2RGB), dst=overlay[rows])
    return overlay


@cache
def _premultiplied_colors(colormap: str) -> NDArray[np.float32]:
    """Returns the colours times the root, for 256 square roots of the value, float32 (256, 4), RGB and 0."""
    root = np.linspace(0.0, 1.0, 256)
    colors = color_table(colormap)[:, 0]
    table = np.zeros((256, 4), np.float32)
    for channel in range(3):
        table[:, channel] = root * np.interp(root**2, root, colors[:, channel])
    table.flags.writeable = False
    return table
