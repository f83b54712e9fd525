"""Overlays of one frame arranged into one image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.overlay import overlay
from live_cam.types import Explanation, Frame, OverlayStyle

_GAP_RGB = (12, 12, 16)


def hstack_frames(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stacks two frames horizontally, with a dark gap between them.

    The widths of gap and result are even, as the chroma subsampling of video and JPEG requires.

    Args:
        left: uint8 (H, W, 3), RGB.
        right: The same shape.

    Returns:
        uint8 (H, 2 W + gap, 3), RGB; the gap is about an eightieth of W.
    """
    height, width = left.shape[:2]
    gap = np.full((height, 2 * max(1, round(width / 160)), 3), _GAP_RGB, np.uint8)
    return np.hstack([left, gap, right])


def thumbnails(
    frame: Frame, explanations: Sequence[Explanation], overlay_style: OverlayStyle, height_px: int = 120
) -> NDArray[np.uint8]:
    """Draws each of the explanations over a small copy of the frame.

    Args:
        frame: The frame.
        explanations: At least one.
        overlay_style: How to draw them.
        height_px: Height of the copies; a frame that is lower keeps its size.

    Returns:
        uint8 (height_px, N W, 3), RGB: the copies from left to right, each W wide, without gaps.
    """
    height, width = frame.rgb.shape[:2]
    rgb = frame.rgb
    if height > height_px:
        small_width = max(1, round(width * height_px / height))
        # Scaled down first, since the cost of drawing grows with the number of pixels.
        rgb = np.asarray(cv2.resize(rgb, (small_width, height_px), interpolation=cv2.INTER_AREA), np.uint8)
    small = Frame(rgb, frame.pts_ns, frame.seq, frame.source_id)
    return np.hstack([overlay(small, explanation, overlay_style) for explanation in explanations])


def draw_overlays(
    frame: Frame, explanation: Explanation, second: Explanation | None, overlay_style: OverlayStyle
) -> NDArray[np.uint8]:
    """Draws one explanation over the frame, or two over copies side by side.

    Returns:
        uint8 (H, W, 3), RGB; two copies are wider than the frame.
    """
    first = overlay(frame, explanation, overlay_style)
    return first if second is None else hstack_frames(first, overlay(frame, second, overlay_style))
