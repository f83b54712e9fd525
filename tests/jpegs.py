"""JPEGs as encoders write them, and as attackers do."""

from __future__ import annotations

import io
import struct

from PIL import Image


def encode(image, kind="JPEG", **options):
    """Returns the bytes of an image file."""
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def with_declared_size(jpeg, width_px, height_px):
    """Returns the JPEG with another size in its header."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height_px, width_px) + jpeg[start + 4 :]


def with_scans(num_scans, size_px=(1920, 1920)):
    """Returns a progressive JPEG that repeats its last scan: 14 bytes that make the decoder pass over all pixels.

    6,000 of them, 91 kB, take 8 to 18 s to decode.
    """
    jpeg = encode(Image.new("L", size_px, 128), progressive=True)
    start, end = jpeg.rindex(b"\xff\xda"), len(jpeg) - 2
    return jpeg[:end] + (num_scans - jpeg.count(b"\xff\xda")) * jpeg[start:end] + jpeg[end:]
