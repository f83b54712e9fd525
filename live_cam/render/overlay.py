"""A saliency map over its frame, in any style."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.render.contours import draw_contours
from live_cam.render.heatmap import draw_heatmap
from live_cam.render.spotlight import spotlight
from live_cam.render.upsample import PixelBox
from live_cam.types import Box, Explanation, Frame, OverlayStyle, Style

_Draw = Callable[[NDArray[np.uint8], NDArray[np.float32], float, str, PixelBox], NDArray[np.uint8]]

_STYLES: Final[dict[Style, _Draw]] = {
    "heatmap": draw_heatmap,
    "contours": draw_contours,
    "spotlight": lambda rgb, normalized, opacity, _, box: spotlight(rgb, normalized, opacity, box),
}


def overlay(frame: Frame, explanation: Explanation, overlay_style: OverlayStyle) -> NDArray[np.uint8]:
    """Draws the saliency map over the frame.

    The opacity is scaled by the evidence: without evidence the frame is returned unchanged.

    Args:
        frame: The frame.
        explanation: The map, what of the frame it covers, and its evidence.
        overlay_style: How to draw it, at full evidence.

    Returns:
        uint8 (H, W, 3), RGB, of the frame's size.
    """
    if not explanation.has_evidence or overlay_style.opacity <= 0.0:
        return frame.rgb
    normalized = np.clip(explanation.smoothed_map / explanation.vmax, 0.0, 1.0)
    opacity = min(overlay_style.opacity, 1.0) * explanation.evidence
    box = in_pixels(explanation.map_box, *frame.rgb.shape[:2])
    return _STYLES[overlay_style.style](frame.rgb, normalized, opacity, overlay_style.colormap, box)


def in_pixels(box: Box, height: int, width: int) -> PixelBox:
    """Returns a box in whole pixels, at least one: frames may have been scaled down for drawing."""
    left, top, right, bottom = (round(edge * size) for edge, size in zip(box, (width, height) * 2, strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)
