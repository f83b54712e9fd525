"""Frames for the test servers: a photograph with slight noise, and the time encoded in its top rows."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BAND_PX = 16
BITS = 32


def photograph(size_px: tuple[int, int], name: str = "lion.jpg") -> NDArray[Any]:
    """Returns a photograph that ships with gradio, scaled to (width, height): uint8 (H, W, 3), RGB."""
    # Located without importing gradio, which takes seconds.
    spec = find_spec("gradio")
    assert spec is not None
    assert spec.origin is not None
    bgr = cv2.imread(str(Path(spec.origin).parent / "media_assets" / "images" / name))
    assert bgr is not None
    return cv2.cvtColor(cv2.resize(bgr, size_px, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def stamped(rgb: NDArray[Any], generator: np.random.Generator) -> NDArray[Any]:
    """Returns an image with new noise and, in its top `BAND_PX` rows, the monotonic time in ms, one bit per block."""
    noise = generator.integers(-3, 4, rgb.shape, np.int16)
    frame = np.clip(rgb + noise, 0, 255).astype(np.uint8)
    now_ms = time.monotonic_ns() // 1_000_000 % (1 << BITS)
    bits = np.array([now_ms >> bit & 1 for bit in range(BITS)], np.uint8)
    frame[:BAND_PX] = bits[np.arange(rgb.shape[1]) * BITS // rgb.shape[1], None] * 255
    return frame


def stamp_ns(rgb: NDArray[Any]) -> int:
    """Returns the time that is encoded in a frame, on the clock of `time.monotonic_ns`, to a millisecond."""
    centres = ((np.arange(BITS) + 0.5) * rgb.shape[1] / BITS).astype(int)
    bits = rgb[BAND_PX // 2, centres].mean(axis=-1) > 127
    return sum(1 << bit for bit in range(BITS) if bits[bit]) * 1_000_000


def parse_size_px(text):
    """Parses `320x240`."""
    width, height = text.split("x")
    return int(width), int(height)


def ticks(interval_s):
    """Yields 0, 1, 2, ... at a steady rate, without catching up on missed ones, as a camera does."""
    due_s = time.monotonic()
    number = 0
    while True:
        yield number
        number += 1
        due_s = max(due_s + interval_s, time.monotonic() - interval_s)
        time.sleep(max(0.0, due_s - time.monotonic()))
