"""Pictures that somebody else sends: JPEG, and not to be trusted."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from live_cam.errors import SourceError

_MOST_PX = 1920 * 1920


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Decodes a JPEG after a look at the size it claims.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        SourceError: It is no JPEG, is damaged, or has more pixels than are taken.
    """
    try:
        with Image.open(BytesIO(data), formats=["JPEG"]) as image:
            width_px, height_px = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SourceError("a picture that was sent is no JPEG; send JPEG") from error
    if width_px * height_px > _MOST_PX:
        raise SourceError(f"a picture of {width_px}x{height_px} was sent; send at most {_MOST_PX} pixels")
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise SourceError("a picture that was sent is damaged; send it again")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
