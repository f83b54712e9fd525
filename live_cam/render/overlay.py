"""The heat map over the picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation, Frame, Look
from live_cam.render.colormaps import color_table

# Painted at a time: few enough for the processor's cache, and for memory that need not be asked of the system anew.
_BAND_PX = 1 << 16


def overlay(frame: Frame, explanation: Explanation, look: Look) -> NDArray[np.uint8]:
    """Paints the saliency map over the frame.

    A place is painted the more opaquely the nearer its value is to the map's scale (by the square root, so that
    middling values are seen), and the whole map the more opaquely the more evidence there is: where there is none the
    picture stays as it is.

    Args:
        frame: The picture.
        explanation: The map to paint over it; it covers the whole frame.
        look: How to paint it; at the strongest place under full evidence it is as opaque as that says.

    Returns:
        uint8 (H, W, 3), RGB, of the frame's size.
    """
    if explanation.scale <= 0.0 or explanation.strength <= 0.0 or look.opacity <= 0.0:
        return frame.rgb
    relative = np.clip(explanation.steady_map / explanation.scale, 0.0, 1.0)
    strongest_weight = min(look.opacity, 1.0) * explanation.strength
    paint = cv2.convertScaleAbs(_colors_by_root(look.colormap), alpha=strongest_weight).view(np.int32)
    picture = np.empty(frame.rgb.shape, np.uint8)
    for rows, values in _enlarged(relative, *frame.rgb.shape[:2]):
        root = cv2.sqrt(values)
        kept = cv2.convertScaleAbs(root, alpha=-255.0 * strongest_weight, beta=255.0)
        kept_rgb = cv2.multiply(frame.rgb[rows], cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB), scale=1 / 255)
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


def _enlarged(
    saliency_map: NDArray[np.float32], height: int, width: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Gives the map enlarged to the picture's size, as `cv2.resize` would, in bands: the rows, float32 (rows, W)."""
    map_height = len(saliency_map)
    wide = cv2.resize(saliency_map, (width, map_height), interpolation=cv2.INTER_LINEAR)
    rises = np.diff(wide, axis=0, append=wide[-1:])
    position = np.clip((np.arange(height) + 0.5) * (map_height / height) - 0.5, 0.0, map_height - 1.0)
    above = position.astype(np.intp)
    part = (position - above).astype(np.float32)[:, np.newaxis]
    rows_n = max(1, _BAND_PX // width)
    for top in range(0, height, rows_n):
        rows = slice(top, top + rows_n)
        values = rises[above[rows]]
        values *= part[rows]
        values += wide[above[rows]]
        yield rows, values
