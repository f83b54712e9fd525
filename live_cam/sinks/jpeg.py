"""Encoding a picture for the screen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_QUALITY = 80


def encode_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Encodes uint8 (H, W, 3), RGB, as JPEG."""
    encoded, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise ValueError(f"a picture of shape {rgb.shape} can't be encoded as JPEG")
    return data.tobytes()
