"""Occludes parts of a frame, to measure how the prediction changes.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 4.2, occlude a square with
grey and observe the probability of the class.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.models.preprocess import box_in_input, map_box, resize_to_input
from live_cam.types import Box, Resize

FILL_RGB: Final = (124, 117, 104)
"""The mean colour of ImageNet, a grey that most networks receive as values about zero."""

_SIDE_FRACTION = 0.25


def patch(x: float, y: float, width_px: int, height_px: int) -> Box:
    """Returns the square patch to occlude around a point.

    Its sides are equal in pixels, a quarter of the frame's shorter side. At an edge it is moved into the frame.

    Args:
        x: The point, 0..1 of the width.
        y: The point, 0..1 of the height.
        width_px: The width of the frame.
        height_px: The height of the frame.
    """
    side_px = _SIDE_FRACTION * min(width_px, height_px)
    width, height = side_px / width_px, side_px / height_px
    left = min(max(x - width / 2, 0.0), 1.0 - width)
    top = min(max(y - height / 2, 0.0), 1.0 - height)
    return left, top, left + width, top + height


def occlude(
    rgb: NDArray[np.uint8], where: NDArray[np.bool_] | Box, input_px: tuple[int, int], resize: Resize = "stretch"
) -> NDArray[np.uint8]:
    """Replaces parts of a frame by a neutral colour.

    They are replaced after resizing to the network's input, which costs the same for frames of all sizes.

    Args:
        rgb: uint8 (H, W, 3), RGB.
        where: What to replace: a mask bool (h, w), stretched over the input, or a box of the frame, of which the input
            may lack a part.
        input_px: Height and width of the network's input.
        resize: How the frame becomes the input.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    height, width = input_px
    occluded = np.empty((height, width, 3), np.uint8)
    resize_to_input([rgb], occluded[np.newaxis], resize)
    if isinstance(where, tuple):
        box = box_in_input(where, map_box(rgb.shape[:2], input_px, resize))
        left, top, right, bottom = (
            round(edge * size) for edge, size in zip(box, (width, height, width, height), strict=True)
        )
        occluded[top:bottom, left:right] = FILL_RGB
    else:
        # The cell nearest to the centre of each pixel, which that of cv2.INTER_NEAREST is not.
        mask = cv2.resize(where.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        occluded[mask != 0] = FILL_RGB
    return occluded
