"""PAM (Netpbm's P7) and Radiance HDR, which Pillow does not read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pictures.levels import linear_to_srgb, to_8_bits

_PAM_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_MAX_HEADER_BYTES = 4096


def read_pam(path: Path, max_pixels: int) -> Image.Image:
    """Reads a PAM file.

    Raises:
        SourceError: It is damaged, too large or no picture; the message continues a sentence that starts with its name.
    """
    with path.open("rb") as file:
        text, end, _ = file.read(_MAX_HEADER_BYTES).partition(b"ENDHDR\n")
        file.seek(len(text) + len(end))
        fields = dict(line.split(maxsplit=1) for line in text.decode("latin-1").splitlines() if len(line.split()) > 1)
        try:
            width_px, height_px, depth, white = (int(fields[key]) for key in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL"))
        except (KeyError, ValueError):
            raise SourceError("is damaged (its header is incomplete); give another image") from None
        if depth not in _PAM_MODES or not 0 < white < 1 << 16 or min(width_px, height_px) < 1:
            raise SourceError(f"has {depth} channels up to {white}, which is no picture; give another image")
        if width_px * height_px > max_pixels:
            raise SourceError("is too large; give an image with fewer pixels")
        kind = np.dtype(np.uint8 if white < 256 else ">u2")
        count = width_px * height_px * depth
        data = file.read(count * kind.itemsize)
    if len(data) < count * kind.itemsize:
        raise SourceError("is cut short; give another image")
    values = np.frombuffer(data, kind).reshape(height_px, width_px, depth)
    return Image.fromarray(to_8_bits(values, white).squeeze(2) if depth == 1 else to_8_bits(values, white))


def read_radiance(path: Path, max_pixels: int) -> Image.Image:
    """Reads a Radiance HDR file; 1 is white, and what is brighter too.

    Raises:
        SourceError: As for `read_pam`.
    """
    data = path.read_bytes()
    header, _, rest = data.partition(b"\n\n")
    size = rest.split(b"\n", maxsplit=1)[0].split()
    if not header or len(size) != 4 or not (size[1].isdigit() and size[3].isdigit()):
        raise SourceError("is damaged (its header is incomplete); give another image")
    if int(size[1]) * int(size[3]) > max_pixels:
        raise SourceError("is too large; give an image with fewer pixels")
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None:
        raise SourceError("is damaged; give another image")
    return Image.fromarray(np.ascontiguousarray(linear_to_srgb(bgr[..., ::-1])))
