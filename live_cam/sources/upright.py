"""Decoded pictures as arrays, the right way up."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray


def upright(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """Gives a decoded picture, turned as its rotation says.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    rgb = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
    quarter_turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns)) if quarter_turns else rgb
