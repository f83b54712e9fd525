"""Crops of pictures, to measure ranges on and to judge them by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

CALIBRATION_N: Final = 150
VALIDATION_N: Final = 324

_LEAST_SIDE: Final = 0.35
_LOG_ASPECT: Final = 0.3


def crops(pictures: Sequence[NDArray[np.uint8]], number: int, seed: int) -> list[NDArray[np.uint8]]:
    """Cuts random parts out of pictures, in turn, as a camera would show them: near and far, and mirrored.

    Args:
        pictures: uint8 (H, W, 3), RGB.
        number: How many parts.
        seed: The same seed cuts the same parts.

    Returns:
        uint8 (h, w, 3) of different sizes, for the step to stretch to its input.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for i in range(number):
        picture = pictures[i % len(pictures)]
        height, width = picture.shape[:2]
        side = rng.uniform(_LEAST_SIDE, 1.0) * min(height, width)
        stretch = math.exp(rng.uniform(-_LOG_ASPECT, _LOG_ASPECT))
        part_height, part_width = min(height, math.ceil(side * stretch)), min(width, math.ceil(side / stretch))
        top, left = rng.integers(height - part_height + 1), rng.integers(width - part_width + 1)
        part = picture[top : top + part_height, left : left + part_width]
        parts.append(np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part))
    return parts
