"""Images whose last bytes are missing, or whose checksum is wrong, shown as browsers do."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from live_cam.sources.pictures.gif import close_gif, count_gif_pixels
from live_cam.sources.pictures.png import complete_png

_JPEG_END = b"\xff\xd9"
_JPEG_FILL = 128
"""The level of blocks for which libjpeg has no data."""


def complete(data: bytes, failed: ImageFile.ImageFile) -> tuple[Image.Image, float] | None:
    """Decodes what there is of an image.

    Args:
        data: The file.
        failed: The image opened from it, which could not be decoded.

    Returns:
        The image, and which part of its pixels is missing, from 0 to 1; None if it can't be decoded at all.

    Raises:
        OSError: The same.
    """
    match failed.format:
        case "PNG":
            completed = complete_png(data)
            return None if completed is None else (_load(completed[0], "PNG"), completed[1])
        case "JPEG" | "MPO":
            image = _load(data + _JPEG_END, "JPEG")
            return image, _trailing_share(np.equal(np.asarray(image.convert("RGB")), _JPEG_FILL))
        case "BMP":
            return _complete_raw(data, failed)
        case "GIF":
            return _partial_gif(data, failed)
    return None


def _partial_gif(data: bytes, failed: ImageFile.ImageFile) -> tuple[Image.Image, float] | None:
    """Takes what the decoder has when it stops."""
    tile = failed.tile[0]
    if not isinstance(tile.args, tuple) or tile.extents is None:
        return None
    left, top, right, bottom = tile.extents
    num_pixels = (right - left) * (bottom - top)
    missing = num_pixels - count_gif_pixels(data, tile.offset, tile.args[0])
    image = Image.open(BytesIO(close_gif(data, tile.offset)), formats=["GIF"])
    with suppress(OSError):
        image.load()
    image.tile = []
    return image, max(0, missing) / num_pixels


def _load(data: bytes, format_name: str) -> Image.Image:
    image = Image.open(BytesIO(data), formats=[format_name])
    image.load()
    return image


def _complete_raw(data: bytes, failed: ImageFile.ImageFile) -> tuple[Image.Image, float] | None:
    """Adds zeros to uncompressed pixels."""
    tile = failed.tile[0]
    if tile.codec_name != "raw" or not isinstance(tile.args, tuple):
        return None
    needed = tile.args[1] * failed.height  # bytes of a row
    missing = tile.offset + needed - len(data)
    if not 0 < missing < needed:
        return None
    return _load(data + bytes(missing), "BMP"), missing / needed


def _trailing_share(is_missing: NDArray[np.bool_]) -> float:
    """Returns the share of the last rows whose right end is missing; (H, W, 3), bool."""
    rows = np.asarray(is_missing[:, -8:].all(axis=(1, 2)))
    present = np.flatnonzero(~rows)
    return 1.0 - (int(present[-1]) + 1 if present.size else 0) / rows.size
