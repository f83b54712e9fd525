"""The frame dimmed and desaturated where the map is weak."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.upsample import PixelBox, resize, spline_upsample

# Values from here on keep their full brightness: a broad pool of light and not a spark at the peak.
_FULL_LIGHT = 0.6

# Brightness outside the light at full opacity, all of it grey.
_MIN_BRIGHTNESS = 0.1


def spotlight(
    rgb: NDArray[np.uint8], normalized: NDArray[np.float32], opacity: float, box: PixelBox
) -> NDArray[np.uint8]:
    """Dims the frame where the map is weak, or covers nothing.

    Args:
        rgb: uint8 (H, W, 3), the frame.
        normalized: float32 (h, w), the map, 0..1.
        opacity: How much the value 0 is dimmed, 0..1; less if the map is weak everywhere.
        box: What the map covers.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    left, top, right, bottom = box
    light = np.minimum(spline_upsample(normalized, bottom - top, right - left) / _FULL_LIGHT, 1.0)
    # Smoothstep: flat at both ends, so that the light has no visible edge, and monotonic, so that more is never darker.
    light = light * light * (3.0 - 2.0 * light)
    # A frame dimmed by half still looks fully lit, so low opacities dim more than their share.
    # The maximum of the light limits the dimming: nothing is dimmed unless something else is lit.
    dimming = (1.0 - (1.0 - opacity) ** 1.5) * float(light.max())
    overlay = np.empty(rgb.shape, np.uint8)
    height, width = rgb.shape[:2]
    for rows, light_rows in resize(light, height, width, box):
        frame_rows = rgb[rows]
        kept = cv2.convertScaleAbs(light_rows, alpha=255.0 * dimming, beta=255.0 * (1.0 - dimming))
        kept_rgb = cv2.multiply(frame_rows, cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        grey = cv2.cvtColor(frame_rows, cv2.COLOR_RGB2GRAY)
        dimmed = cv2.multiply(grey, cv2.bitwise_not(kept), scale=_MIN_BRIGHTNESS / 255)
        cv2.add(kept_rgb, cv2.cvtColor(dimmed, cv2.COLOR_GRAY2RGB), dst=overlay[rows])
    return overlay
