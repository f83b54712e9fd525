"""YCbCr of TIFF, whose coefficients and range the file declares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffTags

_COEFFICIENTS, _REFERENCE_BLACK_WHITE = 529, 532
_BT601 = (299, 1000, 587, 1000, 114, 1000)
_FULL_RANGE = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)


def to_rgb(ycbcr: NDArray[np.uint8], tags: TiffTags) -> NDArray[np.uint8]:
    """Converts (H, W, 3) YCbCr to RGB, as TIFF 6.0, sections 20 and 21."""
    red, green, blue = _fractions(tags.valueof(_COEFFICIENTS), _BT601)
    black_white = _fractions(tags.valueof(_REFERENCE_BLACK_WHITE), _FULL_RANGE)
    black, white = np.array(black_white[::2]), np.array(black_white[1::2])
    y, cb, cr = np.moveaxis((ycbcr - black) * (np.array([255, 127, 127]) / (white - black)), -1, 0)
    r = y + cr * (2 - 2 * red)
    b = y + cb * (2 - 2 * blue)
    g = (y - blue * b - red * r) / green
    return np.asarray(np.stack([r, g, b], axis=-1).round().clip(0, 255), np.uint8)


def _fractions(declared: tuple[int, ...] | None, default: tuple[int, ...]) -> list[float]:
    """Returns numbers from pairs of numerators and denominators."""
    pairs = declared if declared is not None and len(declared) == len(default) and all(declared[1::2]) else default
    return [numerator / denominator for numerator, denominator in zip(pairs[::2], pairs[1::2], strict=True)]
