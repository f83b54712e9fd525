"""Pictures for the test servers: a photograph with slight noise, and the time drawn into its top rows."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

BAND_PX = 16
BITS = 32


def photograph(size_px, name="lion.jpg"):
    """Gives a photograph that ships inside gradio, scaled to (width, height): uint8 (H, W, 3), RGB."""
    path = Path(find_spec("gradio").origin).parent / "media_assets" / "images" / name
    return cv2.cvtColor(cv2.resize(cv2.imread(str(path)), size_px, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def stamped(rgb, generator):
    """Gives the picture with new noise and, in its top `BAND_PX` rows, the monotonic time in ms, a bit a block."""
    noise = generator.integers(-3, 4, rgb.shape, np.int16)
    picture = np.clip(rgb + noise, 0, 255).astype(np.uint8)
    now_ms = time.monotonic_ns() // 1_000_000 % (1 << BITS)
    bits = np.array([now_ms >> bit & 1 for bit in range(BITS)], np.uint8)
    picture[:BAND_PX] = bits[np.arange(rgb.shape[1]) * BITS // rgb.shape[1], None] * 255
    return picture


def drawn_at_ns(rgb):
    """Reads the time at which a picture was drawn, on the clock of `time.monotonic_ns`, to a millisecond."""
    centres = ((np.arange(BITS) + 0.5) * rgb.shape[1] / BITS).astype(int)
    bits = rgb[BAND_PX // 2, centres].mean(axis=-1) > 127
    return sum(1 << bit for bit in range(BITS) if bits[bit]) * 1_000_000


def size_px(text):
    """Reads `320x240`."""
    width, height = text.split("x")
    return int(width), int(height)


def every(interval_s):
    """Gives 0, 1, 2, ... at a steady rate; what was missed is left out, as a camera does."""
    due_s = time.monotonic()
    number = 0
    while True:
        yield number
        number += 1
        due_s = max(due_s + interval_s, time.monotonic() - interval_s)
        time.sleep(max(0.0, due_s - time.monotonic()))
