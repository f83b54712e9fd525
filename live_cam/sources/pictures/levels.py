"""Levels of other types than 8 bits, reduced to 8 bits or refused, never guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError

_MIN_WHITE_OF_32_BITS = 1 << 24


def to_8_bits(values: NDArray[Any], white: float | None = None, black: float = 0.0) -> NDArray[np.uint8]:
    """Reduces levels to 8 bits.

    Args:
        values: Levels of any shape and type.
        white: The level of white; by default the largest of unsigned integers, and 1 of floating-point numbers.
        black: The level of black.

    Raises:
        SourceError: It is not known which level is white; the message continues a sentence that starts with the file's
            name.
    """
    if values.dtype.kind == "u" and white is None and black == 0:
        if values.dtype.itemsize > 2 and values.max() < _MIN_WHITE_OF_32_BITS:
            raise _unknown_white(values, f"{values.dtype.itemsize * 8}-bit integers")
        return np.asarray(values >> (8 * (values.dtype.itemsize - 1)), np.uint8)
    if white is None:
        if values.dtype.kind == "i":
            raise _unknown_white(values, "signed integers")
        values = np.nan_to_num(values, posinf=1.0, neginf=0.0)
        if values.min() < 0 or values.max() > 1:
            raise _unknown_white(values, "floating-point numbers")
        white = 1.0
    scaled = (values.astype(np.float32) - black) * (255.0 / (white - black))
    return np.asarray(scaled.round().clip(0, 255), np.uint8)


def linear_to_srgb(linear: NDArray[Any]) -> NDArray[np.uint8]:
    """Encodes linear light, from 0 to 1, with sRGB's transfer function."""
    clipped = np.nan_to_num(linear).clip(0.0, 1.0)
    encoded = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.asarray((encoded * 255).round(), np.uint8)


def _unknown_white(values: NDArray[Any], kind: str) -> SourceError:
    low, high = (f"{float(value):.6g}" for value in (values.min(), values.max()))
    return SourceError(f"has {kind} from {low} to {high}, and does not say which is white; save it with 8 or 16 bits")
