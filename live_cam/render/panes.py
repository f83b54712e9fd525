"""Several overlays of one frame as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation, Frame, Look
from live_cam.render.overlay import overlay

_GAP_RGB = (12, 12, 16)


def beside(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Puts two pictures of one size side by side, with a dark gap between them.

    The gap is even, and so is the width of the whole, as video and halved colours in JPEG ask.

    Args:
        left: uint8 (H, W, 3), RGB.
        right: The same.

    Returns:
        uint8 (H, 2 W + gap, 3), RGB; the gap is about an eightieth of W.
    """
    height, width = left.shape[:2]
    gap = np.full((height, 2 * max(1, round(width / 160)), 3), _GAP_RGB, np.uint8)
    return np.hstack([left, gap, right])


def thumbnails(
    frame: Frame, explanations: Sequence[Explanation], look: Look, height_px: int = 120
) -> NDArray[np.uint8]:
    """Paints each of the explanations over a small copy of the frame.

    Args:
        frame: The picture.
        explanations: At least one.
        look: How to paint them.
        height_px: Of the copies; a frame that is lower keeps its size.

    Returns:
        uint8 (height_px, N W, 3), RGB: the copies from left to right, of one width W and with no gap.
    """
    height, width = frame.rgb.shape[:2]
    rgb = frame.rgb
    if height > height_px:
        small_width = max(1, round(width * height_px / height))
        # Reduced first, since painting costs by the pixel.
        rgb = np.asarray(cv2.resize(rgb, (small_width, height_px), interpolation=cv2.INTER_AREA), np.uint8)
    small = Frame(rgb, frame.pts_ns, frame.seq, frame.source_id)
    return np.hstack([overlay(small, explanation, look) for explanation in explanations])
