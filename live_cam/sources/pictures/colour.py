"""Conversion to sRGB, as browsers do it: by an ICC profile, or by primaries and a transfer function."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_GREY_MODES = ("L", "LA")
_LEVELS = np.array([0, 51, 102, 153, 204, 255], np.uint8)
_SAME_LEVELS = 1
"""Profiles that move no colour by more than this of 255 are taken for sRGB, and the pixels stay exact."""

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue."""

SRGB_PRIMARIES: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Parameters g, a, b, c, d of ICC's parametric curve type 3."""

_D65 = SRGB_PRIMARIES[:2]
_H273_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB_PRIMARIES,
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # BT.601 with 625 lines
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601 with 525 lines
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
_H273_CURVES: dict[int, tuple[float, ...]] = {4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE}
_VIDEO_CURVES = frozenset((1, 6, 14, 15))


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts an image of 8 bits a channel from the colours of an ICC profile to sRGB.

    A profile that is damaged, or made for other channels, is ignored.

    Returns:
        L, RGB or CMYK, with alpha if the image has transparency; the image itself if the profile changes nothing.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "CMYK" and image.mode == "CMYK":
            mode = "CMYK"
        elif space == "GRAY" and image.mode in _GREY_MODES:
            mode = "L"
        elif space == "RGB" and image.mode != "CMYK":
            mode = "RGB"
        else:
            return image
        # Perceptual, since browsers take the table of this intent where a profile has several.
        transform = ImageCms.ImageCmsTransform(source, _created("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return image
    if mode != "CMYK" and _changes_nothing(transform, mode):
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    converted = transform.apply(image if image.mode == mode else image.convert(mode))
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Converts CIELAB."""
    return ImageCms.ImageCmsTransform(_created("LAB"), _created("sRGB"), "LAB", "RGB").apply(image)


def h273_profile(primaries: int, transfer: int, video_curve: tuple[float, ...] = SRGB_CURVE) -> bytes | None:
    """Returns the ICC profile of code points of H.273; None for sRGB, and for those that are not known.

    Args:
        primaries: The colour primaries.
        transfer: The transfer characteristics.
        video_curve: The curve that the common ones of video, such as BT.709, stand for.
    """
    chromaticities = _H273_PRIMARIES.get(primaries)
    curve = video_curve if transfer in _VIDEO_CURVES else _H273_CURVES.get(transfer)
    if chromaticities is None or curve is None or (primaries == 1 and curve == SRGB_CURVE):
        return None
    return rgb_profile(chromaticities, curve)


def rgb_profile(chromaticities: Chromaticities, curve: tuple[float, ...]) -> bytes:
    """Returns an ICC profile (version 4) of primaries and one curve for all channels.

    Args:
        chromaticities: Of white, red, green and blue.
        curve: The exponent, or the five parameters of a parametric curve with a linear part.

    Raises:
        ValueError: The chromaticities span no colours.
    """
    try:
        columns = _to_d50(chromaticities)
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise ValueError("the chromaticities are collinear") from error
    if not np.isfinite(columns).all() or np.abs(columns).max() > 100:
        raise ValueError("the chromaticities are out of range")
    xyz = [b"XYZ \0\0\0\0" + _fixed(*column) for column in (*columns.T, _D50)]
    parametric = b"para\0\0\0\0" + struct.pack(">HH", 0 if len(curve) == 1 else 3, 0) + _fixed(*curve)
    parts = [*xyz, parametric]
    names = ((b"rXYZ", 0), (b"gXYZ", 1), (b"bXYZ", 2), (b"wtpt", 3), (b"rTRC", 4), (b"gTRC", 4), (b"bTRC", 4))
    offsets = np.cumsum([128 + 4 + 12 * len(names), *(len(part) for part in parts)])
    table = struct.pack(">I", len(names)) + b"".join(
        name + struct.pack(">II", offsets[part], len(parts[part])) for name, part in names
    )
    header = struct.pack(
        ">I4sI4s4s4s12s4s28s", int(offsets[-1]), b"", 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp", b""
    )
    return (header + _fixed(*_D50)).ljust(128, b"\0") + table + b"".join(parts)


def _to_d50(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """Returns XYZ of red, green and blue as columns, adapted to D50 by Bradford's method."""
    white, *primaries = (
        np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    matrix = np.stack(primaries, axis=1)
    scaled = matrix * np.linalg.solve(matrix, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ scaled, np.float64)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tries a transform on greys and on a lattice of colours."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    if mode == "L":
        probe, expected = Image.fromarray(greys[np.newaxis, :, 0]), greys
    else:
        lattice = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), axis=-1).reshape(-1, 3)
        expected = np.concatenate([greys, lattice])
        probe = Image.fromarray(expected[np.newaxis])
    shown = np.asarray(transform.apply(probe), np.int16)[0]
    return bool(np.abs(shown - expected).max() <= _SAME_LEVELS)


def _created(space: Literal["LAB", "sRGB"]) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space))
