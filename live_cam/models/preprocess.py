"""Resizes frames of any size to the network's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

INPUT_PX: Final = 224
"""Height and width of ResNet50's input."""


def resize_to_input(frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Resizes each whole frame to 224x224.

    Large frames are averaged by a whole factor before the bilinear resize, which alone would skip pixels and let
    sensor noise through. `live_cam.explain.runtime.step_graph.resize_in_graph` does the same on a GPU.

    Args:
        frames: N frames uint8 (H, W, 3), each of any size.
        out: Receives the results, uint8 (N, 224, 224, 3).
    """
    for frame, resized in zip(frames, out, strict=True):
        height, width = frame.shape[:2]
        factor = max(1, min(height, width) // INPUT_PX)
        if factor > 1:
            height, width = height // factor, width // factor
            whole_blocks = frame[: height * factor, : width * factor]
            frame = cv2.resize(whole_blocks, (width, height), interpolation=cv2.INTER_AREA)
        cv2.resize(frame, (INPUT_PX, INPUT_PX), dst=resized, interpolation=cv2.INTER_LINEAR)
