"""HEIF: iPhones' HEIC by libheif, and the colours of AVIF."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pi_heif
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pictures.colour import h273_profile

_NCLX = b"colrnclx"


@dataclass(frozen=True, slots=True, eq=False)
class HeicImage:
    """A decoded HEIC file.

    Attributes:
        image: Upright pixels of 8 bits a channel.
        profile: The ICC profile, or None.
    """

    image: Image.Image
    profile: bytes | None


def read_heic(path: Path, max_pixels: int) -> HeicImage:
    """Reads the primary image of a HEIC file.

    Raises:
        SourceError: It is too large; the message continues a sentence that starts with the file's name.
    """
    heif = pi_heif.open_heif(path, convert_hdr_to_8bit=True)
    primary = heif[heif.primary_index]
    width_px, height_px = primary.size
    if width_px * height_px > max_pixels:
        raise SourceError("is too large; give an image with fewer pixels")
    nclx = primary.info.get("nclx_profile")
    described = h273_profile(nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None
    return HeicImage(primary.to_pillow(), primary.info.get("icc_profile") or described)


def nclx_profile(data: bytes) -> bytes | None:
    """Returns the ICC profile of the code points in an AVIF file, which Pillow does not report; None for sRGB."""
    start = data.find(_NCLX)
    if start < 0 or start + len(_NCLX) + 4 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, start + len(_NCLX))
    return h273_profile(primaries, transfer)
