"""The orientation in EXIF, read without the rest of it: cameras and editors write tags of any type."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_INTEGERS = {3: "H", 4: "I"}  # SHORT as the standard says, and LONG
_ENTRY_BYTES = 12


def exif_orientation(exif: bytes) -> int:
    """Returns the orientation, 1 to 8, of EXIF data; 1 if it has none."""
    data = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for entry in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, kind = struct.unpack_from(f"{order}HH", data, entry)
            if tag == _ORIENTATION and kind in _INTEGERS:
                (orientation,) = struct.unpack_from(order + _INTEGERS[kind], data, entry + 8)
                return int(orientation) if 1 <= orientation <= 8 else 1
    except struct.error:
        pass  # cut short
    return 1


def upright(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Rotates and flips stored pixels, (H, W, C), as an orientation of EXIF says."""
    if orientation >= 5:
        rgb = rgb.transpose(1, 0, 2)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(rgb[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])
