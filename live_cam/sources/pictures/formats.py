"""Formats of image files, recognized by their first bytes whatever the file's suffix."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# No format that runs a program (PostScript), needs Windows (WMF) or has no decoder (BUFR, GRIB, HDF5).
PILLOW_FORMATS = (
    "JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "DIB", "PPM", "JPEG2000", "ICO", "ICNS", "PSD", "TGA", "PCX",
    "SGI", "QOI", "DDS", "XBM", "XPM",
)  # fmt: skip

ANIMATED_FORMATS = frozenset(("GIF", "PNG", "WEBP", "AVIF"))

HEAD_BYTES = 64
_VIDEO_SUFFIXES = frozenset((".mjpeg", ".mjpg"))
"""JPEGs one after the other: a video, though it starts as an image."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of image files.

    Attributes:
        name: Its name for people.
        is_readable: Whether it can be read.
    """

    name: str
    is_readable: bool = True


JPEG, PNG, AVIF, HEIC, TIFF, PAM, RADIANCE = map(Format, ("JPEG", "PNG", "AVIF", "HEIC", "TIFF", "PAM", "Radiance"))
OTHER = Format("other")
"""Any other that Pillow reads."""

_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    *((0, start, TIFF) for start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (0, b"P7\n", PAM),
    *((0, start, RADIANCE) for start in (b"#?RADIANCE", b"#?RGBE")),
    *((0, f"P{kind}{end}".encode(), OTHER) for kind in "123456f" for end in " \n\r\t#"),
    *((0, start, OTHER) for start in (b"GIF87a", b"GIF89a", b"8BPS", b"qoif", b"DDS ", b"icns", b"\x01\xda")),
    *((0, start, OTHER) for start in (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\x01\0", b"/* XPM")),
    (8, b"WEBP", OTHER),
    *((8, brand, AVIF) for brand in (b"avif", b"avis")),
    *((8, brand, HEIC) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")),
    *((0, start, Format("PostScript", False)) for start in (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    (0, b"%PDF", Format("PDF", False)),
    *((0, start, Format("JPEG XL", False)) for start in (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    *((0, start, Format("JPEG XR", False)) for start in (b"II\xbc\0", b"II\xbc\x01")),
    *((0, start, Format("WMF", False)) for start in (b"\xd7\xcd\xc6\x9a", b"\x01\0\x09\0\0\x03")),
    (40, b" EMF", Format("EMF", False)),
    (0, b"\x89HDF", Format("HDF5", False)),
    (0, b"BUFR", Format("BUFR", False)),
    (0, b"GRIB", Format("GRIB", False)),
    (0, b"SIMPLE  =", Format("FITS", False)),
    (0, b"v/1\x01", Format("OpenEXR", False)),
    *((0, start, Format("DPX", False)) for start in (b"SDPX", b"XPDS")),
    (0, b"gimp xcf", Format("GIMP", False)),
    (0, b"FUJIFILMCCD-RAW", Format("Fujifilm raw", False)),
    (8, b"crx ", Format("Canon raw", False)),
    (0, b"PF\n", Format("PFM in colour", False)),
    *((0, start, Format("SVG", False)) for start in (b"<svg", b"<?xml")),
)


def image_format(head: bytes) -> Format | None:
    """Returns the format of a file that starts with `head`, or None if it is no image that is known.

    Args:
        head: The first 64 bytes.
    """
    for offset, signature, known in _SIGNATURES:
        if head.startswith(signature, offset) and _is_plausible(head, offset):
            # Both are HEIF, and some files name AV1 only among the compatible brands.
            return AVIF if known is HEIC and b"avif" in head else known
    # Two letters alone are too few: the next field is the file's size, and four bytes of zeros follow it.
    return OTHER if head.startswith(b"BM") and head[6:10] == bytes(4) else None


def format_of(path: Path) -> Format | None:
    """Returns the format of an image file; None for other files, those that can't be read, and raw MJPEG."""
    if path.suffix.casefold() in _VIDEO_SUFFIXES:
        return None
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            # TGA starts with nothing of its own.
            return image_format(head) or (OTHER if path.suffix.casefold() == ".tga" else None)
    return None


def _is_plausible(head: bytes, offset: int) -> bool:
    """Brands, at offset 8, belong into a file type box or a RIFF file."""
    return offset != 8 or head[4:8] == b"ftyp" or head.startswith(b"RIFF")
