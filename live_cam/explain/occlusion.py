"""Hiding places of a picture from the network, to see what it then makes of the rest.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 4.2, cover a square with
grey and watch the probability of the class.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.inputs import INPUT_PX, resize_to_input

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as parts 0..1 of a picture's width and height."""

NOTHING_RGB: Final = (124, 117, 104)
"""The mean colour of ImageNet, which is subtracted from every input: where it stands, the network is given zeros."""

_SIDE_PART = 0.25


def square(x: float, y: float, width_px: int, height_px: int) -> Box:
    """Gives the square around a place that is hidden when somebody points there.

    Its sides are equal in pixels, and a quarter of the picture's shorter side. At an edge it is moved into the picture.

    Args:
        x: The place, 0..1 of the width.
        y: The place, 0..1 of the height.
        width_px: The picture's width.
        height_px: The picture's height.
    """
    side_px = _SIDE_PART * min(width_px, height_px)
    width, height = side_px / width_px, side_px / height_px
    left = min(max(x - width / 2, 0.0), 1.0 - width)
    top = min(max(y - height / 2, 0.0), 1.0 - height)
    return left, top, left + width, top + height


def hide(rgb: NDArray[np.uint8], hidden: NDArray[np.bool_] | Box) -> NDArray[np.uint8]:
    """Covers places of a picture with the colour that the network takes for nothing.

    They are covered in what the network sees of the picture, which costs the same for pictures of all sizes.

    Args:
        rgb: uint8 (H, W, 3), RGB.
        hidden: Where to cover: bool (h, w), stretched over the picture, or a box.

    Returns:
        uint8 (224, 224, 3), RGB, to be put through the network.
    """
    covered = np.empty((INPUT_PX, INPUT_PX, 3), np.uint8)
    resize_to_input([rgb], covered[np.newaxis])
    if isinstance(hidden, tuple):
        left, top, right, bottom = (round(edge * INPUT_PX) for edge in hidden)
        covered[top:bottom, left:right] = NOTHING_RGB
    else:
        # The nearest cell to the middle of each pixel, which cv2's nearest neighbour is not.
        mask = cv2.resize(hidden.view(np.uint8), (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_NEAREST_EXACT)
        covered[mask != 0] = NOTHING_RGB
    return covered
