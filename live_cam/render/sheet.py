"""The figure of an article on Grad-CAM: photograph, raw map and overlay side by side, the top classes below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.colormaps import color_table
from live_cam.render.overlay import in_pixels, overlay
from live_cam.render.summary import fit, with_classes
from live_cam.render.upsample import resize
from live_cam.types import Explanation, Frame, OverlayStyle

_GAP_OF_WIDTH: Final = 1 / 40
_JET_OPACITY: Final = 0.4
_MATSHOW_COLORMAP: Final = "viridis"


def draw_sheet(
    frame: Frame, explanation: Explanation, overlay_style: OverlayStyle = OverlayStyle(), *, jet: bool = False
) -> NDArray[np.uint8]:
    """Draws photograph, raw map and overlay side by side, and below them what is explained and the top classes.

    Args:
        frame: The photograph.
        explanation: Its map, not smoothed, and its classes.
        overlay_style: How to draw the overlay.
        jet: Whether the overlay is that of keras.io's example instead; see `blend_jet`.

    Returns:
        uint8 (H, W, 3), RGB. Images larger than 640x480 are scaled down to fit, those smaller than 224 enlarged.
    """
    small = Frame(fit(frame.rgb), frame.pts_ns)
    height, width = small.rgb.shape[:2]
    blended = blend_jet(small, explanation) if jet else overlay(small, explanation, overlay_style)
    gap = np.full((height, max(1, round(width * _GAP_OF_WIDTH)), 3), 255, np.uint8)
    cells = draw_cells(explanation.saliency_map, height)
    return with_classes(np.hstack([small.rgb, gap, cells, gap, blended]), explanation)


def draw_cells(saliency_map: NDArray[np.float32], height_px: int) -> NDArray[np.uint8]:
    """Draws a map as matplotlib's `matshow`: square cells from the least value to the greatest, not interpolated.

    Args:
        saliency_map: float32 (h, w).
        height_px: Height of the picture. Where it is no multiple of h, some cells are a pixel higher than others.

    Returns:
        uint8 (height_px, W, 3), RGB.
    """
    least, greatest = float(saliency_map.min()), float(saliency_map.max())
    levels = (saliency_map - least) / ((greatest - least) or 1.0)
    colors = color_table(_MATSHOW_COLORMAP)[:, 0][np.minimum(levels * 256, 255).astype(np.uint8)]
    height, width = saliency_map.shape
    size = max(1, round(height_px * width / height)), height_px
    return np.asarray(cv2.resize(colors, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def blend_jet(frame: Frame, explanation: Explanation) -> NDArray[np.uint8]:
    """Adds 0.4 of the map in jet to the whole frame, as keras.io's example of Grad-CAM does.

    Where the map is 0 the frame turns blue. The sum is stretched to 0..255.

    Args:
        frame: The frame.
        explanation: The map, not smoothed.

    Returns:
        uint8 (H, W, 3), RGB, of the frame's size; the frame itself if there is nothing to draw.
    """
    if not explanation.has_evidence:
        return frame.rgb
    height, width = frame.rgb.shape[:2]
    normalized = np.clip(explanation.saliency_map / (explanation.saliency_map.max() or 1.0), 0.0, 1.0)
    blended = frame.rgb.astype(np.float32)
    for rows, values in resize(normalized, height, width, in_pixels(explanation.map_box, height, width)):
        blended[rows] += _JET_OPACITY * color_table("jet")[:, 0][(values * 255).astype(np.uint8)]
    blended -= blended.min()
    return np.asarray(blended * (255.0 / (blended.max() or 1.0)), np.uint8)


def stack_sheets(sheets: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Stacks sheets, uint8 (H, W, 3), vertically, the narrower ones on white: uint8 (sum of H, greatest W, 3), RGB."""
    width = max(each.shape[1] for each in sheets)
    return np.vstack(
        [np.pad(each, ((0, 0), (0, width - each.shape[1]), (0, 0)), constant_values=255) for each in sheets]
    )
