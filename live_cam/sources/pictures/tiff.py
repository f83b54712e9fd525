"""TIFF: the picture, not its preview; Pillow decodes the kinds that it shows right, tifffile and OpenCV the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from live_cam.errors import SourceError
from live_cam.sources.pictures.levels import to_8_bits
from live_cam.sources.pictures.ycbcr import to_rgb

_MAX_PAGES = 64
_REDUCED_OR_MASK = 0b101  # bits of NewSubfileType
_SAME_SHAPE = 0.02
_JPEG_COMPRESSIONS = frozenset((6, 7, 34892))
_UNASSOCIATED, _ASSOCIATED = 2, 1
_MAX_SAMPLE_VALUE, _EXTRA_SAMPLES, _ICC_PROFILE = 281, 338, 34675
_NUM_COLOURS = {PHOTOMETRIC.MINISWHITE: 1, PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.RGB: 3, PHOTOMETRIC.SEPARATED: 4,
                PHOTOMETRIC.YCBCR: 3}  # fmt: skip
_RAW_SENSOR = frozenset((PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW))

# It logs a line for each odd tag, of which a damaged file may have hundreds.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, eq=False)
class TiffImage:
    """A decoded TIFF.

    Attributes:
        image: The stored pixels, of 8 bits a channel.
        orientation: 1 to 8, as in EXIF.
        profile: The ICC profile, or None.
    """

    image: Image.Image
    orientation: int
    profile: bytes | None


def read_tiff(path: Path, max_pixels: int) -> TiffImage:
    """Reads the picture of a TIFF file.

    Raises:
        SourceError: It is of a kind that can't be shown right; the message continues a sentence that starts with the
            file's name.
    """
    with TiffFile(path) as tiff:
        index, page = _main_page(tiff)
        if page.imagewidth * page.imagelength > max_pixels:
            raise SourceError("is too large; give an image with fewer pixels")
        if page.photometric in _RAW_SENSOR:
            raise SourceError("has the raw data of a camera's sensor; develop it, and save it as JPEG or PNG")
        profile = page.tags.valueof(_ICC_PROFILE)
        profile = bytes(profile) if profile else None
        if index is not None and _is_shown_right_by_pillow(page, tiff):
            with Image.open(path, formats=["TIFF"]) as file:
                file.seek(index)
                file.load()  # rotates it, too
                return TiffImage(file.copy(), 1, profile)
        orientation = page.tags.valueof("Orientation", 1)
        image = _decode(tiff, page, path if index == 0 else None)
        return TiffImage(image, int(orientation) if orientation in range(1, 9) else 1, profile)


def _main_page(tiff: TiffFile) -> tuple[int | None, TiffPage]:
    """Returns the page with the picture, and its number; None for one that is below another.

    It is the first that is no reduced version and no mask, or a larger one of the same shape, whose preview that is.
    """
    candidates: list[tuple[int | None, TiffPage]] = []
    for index in range(min(len(tiff.pages), _MAX_PAGES)):
        page = tiff.pages[index].aspage()
        candidates.append((index, page))
        if page.subifds:
            candidates += [(None, below.aspage()) for below in page.pages or ()]
    if not candidates:
        raise SourceError("is damaged (it has no page); give another image")
    full = [candidate for candidate in candidates if not candidate[1].subfiletype & _REDUCED_OR_MASK] or candidates
    first = full[0][1]
    ratio = first.imagewidth / max(1, first.imagelength)
    same = [
        candidate
        for candidate in full
        if abs(candidate[1].imagewidth / max(1, candidate[1].imagelength) / ratio - 1) < _SAME_SHAPE
    ]
    return max(same, key=lambda candidate: candidate[1].imagewidth)


def _is_shown_right_by_pillow(page: TiffPage, tiff: TiffFile) -> bool:
    if page.sampleformat != 1 or (page.planarconfig == 2 and page.extrasamples):
        return False
    if page.photometric == PHOTOMETRIC.YCBCR:
        return page.compression in _JPEG_COMPRESSIONS
    if page.bitspersample == 16:
        is_plain = page.planarconfig == 1 and page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
        return is_plain and page.samplesperpixel in (1, 3, 4) and _declared_range(page, tiff) is None
    return page.bitspersample in (1, 2, 4, 8) and page.samplesperpixel <= 4


def _decode(tiff: TiffFile, page: TiffPage, path: Path | None) -> Image.Image:
    num_colours = _NUM_COLOURS.get(PHOTOMETRIC(page.photometric))
    kind = f"{page.samplesperpixel} channels of {page.bitspersample} bits"
    if num_colours is None:
        raise SourceError(f"has colours of an unknown kind ({page.photometric!r}, {kind}); save it as RGB")
    if page.samplesperpixel < num_colours or page.samplesperpixel > num_colours + 1:
        raise SourceError(f"has {kind}, and does not say which of them are colours; save it as RGB")
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > tiff.filehandle.size:
        raise SourceError("is cut short; give the whole image")  # tifffile would fill in what it finds in memory
    values: NDArray[Any] | None
    try:
        values = page.asarray()
        is_ycbcr = page.photometric == PHOTOMETRIC.YCBCR
    except (NotImplementedError, ValueError) as error:
        if isinstance(error, ValueError) and "imagecodecs" not in str(error):
            raise
        values = _decode_with_opencv(path)
        is_ycbcr = False  # converted
    if values is None:
        raise SourceError(f"has {kind}, compressed with {_name(page.compression)}, which can't be read; save it as PNG")
    values = _channels_last(values, page)
    levels = to_8_bits(values, *(_declared_range(page, tiff) or ()))
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        levels[..., 0] = 255 - levels[..., 0]
    if is_ycbcr:
        levels[..., :3] = to_rgb(levels[..., :3], page.tags)
    return _image(levels, num_colours, page.tags.valueof(_EXTRA_SAMPLES, ()))


def _decode_with_opencv(path: Path | None) -> NDArray[Any] | None:
    """Decodes the first page, with the compressions, packed bits and subsampled colours that tifffile lacks."""
    if path is None:
        return None
    try:
        values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if values is None or values.ndim == 2:
        return values
    return cv2.cvtColor(values, cv2.COLOR_BGR2RGB if values.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _declared_range(page: TiffPage, tiff: TiffFile) -> tuple[float, float] | None:
    """Returns white and black of values that use only a part of their type, where the file declares them."""
    imagej = (tiff.imagej_metadata if tiff.is_imagej else None) or {}
    low, high = imagej.get("min"), imagej.get("max")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high and page.dtype != np.uint8:
        return float(high), float(low)
    declared = page.tags.valueof(_MAX_SAMPLE_VALUE)
    largest = max(declared) if isinstance(declared, tuple) else declared
    # Some programs write the brightest value of the picture here: only a whole number of bits is a range.
    if isinstance(largest, int) and page.bitspersample == 16 and 255 < largest < 65535 and largest & (largest + 1) == 0:
        return float(largest), 0.0
    return None


def _channels_last(values: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Returns (H, W, C) with any number of channels."""
    values = np.atleast_3d(values.squeeze()) if values.ndim > 3 else values
    if values.ndim == 2:
        return values[..., np.newaxis]
    is_planar = page.planarconfig == 2 and values.shape[0] == page.samplesperpixel
    return values.transpose(1, 2, 0) if is_planar and values.shape[-1] != page.samplesperpixel else values


def _image(levels: NDArray[np.uint8], num_colours: int, extra_samples: tuple[int, ...]) -> Image.Image:
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[num_colours]
    colours = np.ascontiguousarray(
        levels[..., :num_colours].squeeze(2) if num_colours == 1 else levels[..., :num_colours]
    )
    image = Image.fromarray(colours, mode)
    kind = extra_samples[0] if extra_samples else 0
    if levels.shape[2] == num_colours or kind not in (_ASSOCIATED, _UNASSOCIATED) or mode == "CMYK":
        return image
    alpha = Image.fromarray(np.ascontiguousarray(levels[..., num_colours]))
    image = image.convert("RGB")
    image.putalpha(alpha)
    if kind == _UNASSOCIATED:
        return image
    return Image.frombytes("RGBa", image.size, image.tobytes()).convert("RGBA")


def _name(compression: int) -> str:
    return getattr(compression, "name", str(compression))
