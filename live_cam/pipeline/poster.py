"""What stands in for the live picture until the first one has come."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from live_cam.errors import SourceError
from live_cam.sinks.jpeg import encode_jpeg
from live_cam.sources.demo import HEIGHT_PX, WIDTH_PX, demo_picture

_BLUR_PX = 24.0
_BRIGHTNESS = 0.45


@cache
def stand_in() -> bytes:
    """Gives a photograph, blurred and dimmed so that nobody takes it for the live picture, as JPEG."""
    try:
        rgb = demo_picture(0.0)
    except SourceError:
        rgb = np.full((HEIGHT_PX, WIDTH_PX, 3), np.linspace(40, 160, WIDTH_PX)[:, np.newaxis], np.uint8)
    blurred = cv2.GaussianBlur(rgb, (0, 0), _BLUR_PX)
    return encode_jpeg(np.asarray(cv2.convertScaleAbs(blurred, alpha=_BRIGHTNESS), np.uint8))
