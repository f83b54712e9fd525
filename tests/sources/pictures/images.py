"""Small images, and files of them with faults that other programs never write."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def coloured():
    """Returns smooth colours with a bright corner, uint8 (48, 64, 3)."""
    rows, columns = np.mgrid[0:48, 0:64]
    rgb = np.stack([columns * 4, rows * 5, 255 - columns * 2 - rows], axis=-1).astype(np.uint8)
    rgb[:12, :16] = (250, 30, 40)
    return rgb


def grey():
    """Returns levels, uint8 (48, 64)."""
    return np.asarray(Image.fromarray(coloured()).convert("L"))


def encode(image, format_name, **options):
    """Returns an image, or an array, as a file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, format_name, **options)
    return file.getvalue()


def chunk(kind, data=b"", checksum=None):
    """Returns a chunk of a PNG, by default with the right checksum."""
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right if checksum is None else checksum)


def png(image, *chunks, **options):
    """Returns a PNG with chunks added before its pixels."""
    data = encode(image, "PNG", **options)
    end_of_header = 33
    return data[:end_of_header] + b"".join(chunks) + data[end_of_header:]


def exif(*entries, orientation=6):
    """Returns EXIF data with an orientation and other entries.

    Args:
        entries: Tag, type, count, and four bytes of value each.
        orientation: 1 to 8.
    """
    directory = sorted([(ORIENTATION, 3, 1, struct.pack("<HH", orientation, 0)), *entries])
    packed = b"".join(struct.pack("<HHI4s", *entry) for entry in directory)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(directory)) + packed + bytes(4)


def difference(a, b):
    """Returns the largest difference of two images."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(np.int16) - b.astype(np.int16)).max())
