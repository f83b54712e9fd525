"""JPEG and PNG encoding."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_JPEG_QUALITY = 80

# Higher levels take several times as long for a photograph and save a few per cent.
_PNG_COMPRESSION = 1


def encode_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Returns uint8 (H, W, 3), RGB, as JPEG."""
    return _encode(rgb, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """Returns uint8 (H, W, 3), RGB, as PNG."""
    return _encode(rgb, ".png", [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION])


def _encode(rgb: NDArray[np.uint8], suffix: str, parameters: list[int]) -> bytes:
    is_encoded, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), parameters)
    if not is_encoded:
        raise ValueError(f"an image of shape {rgb.shape} cannot be encoded as {suffix}")
    return data.tobytes()
