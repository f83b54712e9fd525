"""The picture dimmed, and drained of its colour, where the map is weak."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.enlarging import enlarged, smoothed

# From this value on a place is as bright as it was: a broad pool of light and not a spark at the peak.
_FULLY_LIT = 0.6

# What is left of the brightness outside the light at full opacity, all of it grey.
_DIMMED = 0.1


def dim_the_rest(rgb: NDArray[np.uint8], relative: NDArray[np.float32], weight: float) -> NDArray[np.uint8]:
    """Dims the picture where the map is weak.

    Args:
        rgb: uint8 (H, W, 3), the picture.
        relative: float32 (h, w), the map as parts of its scale, 0..1.
        weight: How much a place of value 0 is dimmed, 0..1; less if the map is weak everywhere.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    light = np.minimum(smoothed(relative, *rgb.shape[:2]) / _FULLY_LIT, 1.0)
    # Level at both ends, so that the light has no visible rim; rises all the way, so that more value is never darker.
    light = light * light * (3.0 - 2.0 * light)
    # A picture half dimmed still looks lit all over; so a little weight already takes more than its part.
    # Nothing is dimmed but in favour of something that is lit.
    dark = (1.0 - (1.0 - weight) ** 1.5) * float(light.max())
    picture = np.empty(rgb.shape, np.uint8)
    for rows, light_here in enlarged(light, *rgb.shape[:2]):
        band = rgb[rows]
        kept = cv2.convertScaleAbs(light_here, alpha=255.0 * dark, beta=255.0 * (1.0 - dark))
        kept_rgb = cv2.multiply(band, cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        grey = cv2.cvtColor(band, cv2.COLOR_RGB2GRAY)
        dimmed = cv2.multiply(grey, cv2.bitwise_not(kept), scale=_DIMMED / 255)
        cv2.add(kept_rgb, cv2.cvtColor(dimmed, cv2.COLOR_GRAY2RGB), dst=picture[rows])
    return picture
