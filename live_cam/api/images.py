"""What a program has of an image, as a frame, or refused; never guessed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from live_cam.errors import UsageError
from live_cam.sources.pictures.levels import to_8_bits
from live_cam.sources.pictures.orientation import exif_orientation
from live_cam.sources.pictures.reader import as_source_errors, read_rgb, to_rgb
from live_cam.types import Frame

ImageLike = str | os.PathLike[str] | Image.Image | NDArray[Any] | Frame
"""A path, an image of Pillow, an array, or a frame."""

_CHANNELS = (1, 3, 4)
_ROUNDING = 1e-6
"""By how much floating-point levels may leave 0..1, as resizing in float32 does."""

_TO_UINT8 = "image.astype(np.uint8) if its levels are 0 to 255"


def as_frame(image: ImageLike, name: str) -> Frame:
    """Returns an image as a frame of its own memory; a frame as it is.

    Args:
        image: A path; an image of Pillow; an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), grey, RGB or RGBA, uint8
            or floating-point from 0 to 1; or a frame. Transparency is composed over white.
        name: What messages call it if it is no file.

    Raises:
        SourceError: The image can't be read.
        UsageError: It is something else.
    """
    if isinstance(image, Frame):
        return image
    if isinstance(image, str | os.PathLike):
        path = Path(os.fsdecode(image))
        return Frame(read_rgb(path), pts_ns=0, source_id=str(path))
    if isinstance(image, Image.Image):
        return Frame(_from_pillow(image, name), pts_ns=0)
    if isinstance(image, np.ndarray):
        return Frame(_from_array(np.asarray(image), name), pts_ns=0)
    hint = "; give np.asarray(image)" if hasattr(image, "__array__") else ""
    raise UsageError(f"{name} is a path, a PIL image, a NumPy array or a Frame, not {type(image).__name__}{hint}")


def _from_pillow(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Converts an opened file as its path would be, and an image that was made from one without turning it again."""
    if 0 in image.size:
        raise UsageError(f"{name} has no pixels; its size is {image.width}x{image.height}")
    is_file = isinstance(image, ImageFile.ImageFile)
    with as_source_errors(name):
        image.load()
        if image.mode == "I" and not is_file:  # only of a file it is known that Pillow has scaled it to 16 bits
            image = Image.fromarray(to_8_bits(np.asarray(image)))
        orientation = exif_orientation(image.info.get("exif", b"")) if is_file else 1
        return to_rgb(image, image.info.get("icc_profile"), orientation)


def _from_array(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        hint = {"b": "image.astype(float)", "i": _TO_UINT8, "u": _TO_UINT8}.get(array.dtype.kind)
        hint = f"; give {hint}" if hint else ""
        raise UsageError(f"{name} is uint8 (0 to 255) or floating-point (0 to 1), not {array.dtype}{hint}")
    shape = array.shape
    if len(shape) != 2 and (len(shape) != 3 or shape[2] not in _CHANNELS):
        hint = ""
        if len(shape) == 4:
            hint = "; give a stack of images as list(images)"
        elif len(shape) == 3 and shape[0] in _CHANNELS:
            hint = "; give np.moveaxis(image, 0, -1), as channels come last"
        raise UsageError(f"{name} is (H, W) or (H, W, 1), (H, W, 3) or (H, W, 4), not {shape}{hint}")
    if not array.size:
        raise UsageError(f"{name} has no pixels; its shape is {shape}")
    levels = array if array.dtype == np.uint8 else _from_floats(array, name)
    grey_or_colour = levels[..., 0] if shape[2:] == (1,) else levels
    return to_rgb(Image.fromarray(np.ascontiguousarray(grey_or_colour)), None, 1)


def _from_floats(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite((low, high)).all():
        raise UsageError(f"{name} has values that are NaN or infinite; replace them, as with np.nan_to_num(image)")
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        if low >= 0 and high <= 255:
            hint = _TO_UINT8
        elif low >= -1 and high <= 1:
            hint = "(image + 1) / 2 if its levels are -1 to 1"
        else:
            hint = "an image that is scaled to 0..1"
        raise UsageError(f"{name} is floating-point from {low:.6g} to {high:.6g}, not from 0 to 1; give {hint}")
    return to_8_bits(array.clip(0.0, 1.0))
