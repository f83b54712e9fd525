"""The orientation in EXIF, read without the rest of it: cameras and editors write tags of any type."""

from __future__ import annotations

import struct

from PIL import Image

_ORIENTATION = 0x0112
_INTEGERS = {3: "H", 4: "I"}  # SHORT as the standard says, and LONG
_ENTRY_BYTES = 12
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Rotates and flips a stored image as an orientation of EXIF says."""
    transposition = _TRANSPOSITIONS.get(orientation)
    return image if transposition is None else image.transpose(transposition)
