"""Encoding a picture so that nothing of it is lost."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Higher levels take several times as long for a photograph and save a few per cent.
_COMPRESSION = 1


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """Encodes uint8 (H, W, 3), RGB, as PNG."""
    encoded, data = cv2.imencode(
        ".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION]
    )
    if not encoded:
        raise ValueError(f"a picture of shape {rgb.shape} can't be encoded as PNG")
    return data.tobytes()
