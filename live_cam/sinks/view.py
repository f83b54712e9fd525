"""What of a frame is recorded or published."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

View = Literal["overlay", "raw", "both"]
"""The overlay, the frame without its map, or both side by side."""


def choose_view(view: View, raw: NDArray[np.uint8], overlay: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the pixels of a view.

    Args:
        view: What is wanted.
        raw: uint8 (H, W, 3), RGB: the frame.
        overlay: uint8 (H, W', 3), RGB: the frame with its map, or with two.

    Returns:
        uint8 (H, W'', 3), RGB.
    """
    if view == "both":
        return np.asarray(cv2.hconcat([raw, overlay]), np.uint8)
    return raw if view == "raw" else overlay
