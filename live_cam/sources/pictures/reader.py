"""The one reader of image files."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from live_cam.errors import SourceError
from live_cam.files import require_file
from live_cam.sources.pictures import formats
from live_cam.sources.pictures.colour import lab_to_srgb, to_srgb
from live_cam.sources.pictures.cut_short import complete
from live_cam.sources.pictures.heif import nclx_profile, read_heic
from live_cam.sources.pictures.jpeg import jpeg_problem
from live_cam.sources.pictures.levels import to_8_bits
from live_cam.sources.pictures.orientation import exif_orientation, upright
from live_cam.sources.pictures.png import clean_png
from live_cam.sources.pictures.portable import read_pam, read_radiance
from live_cam.sources.pictures.tiff import read_tiff

MAX_PIXELS = 89_478_485

_MAX_MISSING = 0.25
"""Which part of an image's pixels may be missing; with more, an explanation would be one of the filling."""

_MAX_UNTRUSTED_MS = 10.0
_DEFAULT_FRAME_S = 0.1
"""The duration of frames that claim at most `_MAX_UNTRUSTED_MS`, as in browsers."""

_log = logging.getLogger(__name__)
_logged: set[str] = set()


@dataclass(frozen=True, slots=True, eq=False)
class ImageFrame:
    """An image, or a frame of an animated one.

    Attributes:
        rgb: uint8 (H, W, 3), RGB, upright.
        duration_s: How long it is shown; 0 if the image is not animated.
    """

    rgb: NDArray[np.uint8]
    duration_s: float = 0.0


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Reads an image file, or the first frame of an animated one, as a browser shows it on a white page.

    Orientation and colour profile are applied. Where some of the file's end is missing, a warning is logged.

    Returns:
        uint8 (H, W, 3), RGB; transparency is composed over white.

    Raises:
        SourceError: The file does not exist, is no image that can be read, lacks much of it, or would need too much
            memory.
    """
    return next(read_frames(path)).rgb


def read_frames(path: Path) -> Iterator[ImageFrame]:
    """Yields the frames of an image file, which is one if it is not animated; see `read_rgb`.

    Raises:
        SourceError: As `read_rgb`, for the first frame. Damage in a later one ends the animation.
    """
    require_file(path, "an image")
    frames = _frames(path)
    with as_source_errors(path):
        first = next(frames)
    yield first
    try:
        yield from frames
    except Exception as error:  # decoders may raise anything
        _warn_once(f"{path} is damaged; its last frames are missing ({_one_line(error)})")


@contextmanager
def as_source_errors(name: object) -> Iterator[None]:
    """Raises whatever a decoder raises as a `SourceError` that names the image."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{name} {error}") from error
    except UnidentifiedImageError:
        raise SourceError(f"{name} is not a readable image; give a JPEG, PNG or WebP file") from None
    except (Image.DecompressionBombError, MemoryError):
        raise SourceError(f"{name} is too large; give an image with fewer pixels") from None
    except Exception as error:  # decoders may raise anything
        raise SourceError(f"{name} is damaged ({_one_line(error)}); give another image") from error


def _frames(path: Path) -> Iterator[ImageFrame]:
    """Yields frames; the messages of its SourceErrors continue a sentence that starts with the file's name."""
    with path.open("rb") as file:
        known = formats.image_format(file.read(formats.HEAD_BYTES))
    if known is None or known is formats.OTHER:
        yield from _pillow_frames(path)
    elif not known.is_readable:
        raise SourceError(f"is a {known.name} file, which can't be opened; save the image as JPEG or PNG")
    elif known is formats.PNG:
        png = clean_png(path.read_bytes())
        yield from _pillow_frames(path, png.profile, png.data)
    elif known is formats.JPEG:
        problem = jpeg_problem(path)
        if problem:
            raise SourceError(problem)
        yield from _pillow_frames(path)
    elif known is formats.AVIF:
        yield from _pillow_frames(path, nclx_profile(path.read_bytes()))
    elif known is formats.TIFF:
        tiff = read_tiff(path, MAX_PIXELS)
        yield ImageFrame(to_rgb(tiff.image, tiff.profile, tiff.orientation))
    elif known is formats.HEIC:
        heic = read_heic(path, MAX_PIXELS)
        yield ImageFrame(to_rgb(heic.image, heic.profile, 1))
    else:
        read = read_pam if known is formats.PAM else read_radiance
        yield ImageFrame(to_rgb(read(path, MAX_PIXELS), None, 1))


def _pillow_frames(path: Path, profile: bytes | None = None, data: bytes | None = None) -> Iterator[ImageFrame]:
    """Yields the frames of a file, or of its data if they were repaired."""
    # Pillow warns of what is odd in a file, and of large images, whose limit is checked here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image: Image.Image
        image = file = Image.open(path if data is None else BytesIO(data), formats=formats.PILLOW_FORMATS)
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        is_animated = image.format in formats.ANIMATED_FORMATS and getattr(image, "is_animated", False)
        if is_animated and image.info.get("default_image"):
            image.seek(1)  # the first is a substitute for programs that know no APNG
        try:
            image.load()
        except OSError as error:
            image = _completed(path, data or path.read_bytes(), file, error)
            is_animated = False
        profile = image.info.get("icc_profile") or profile
        orientation = exif_orientation(image.info.get("exif", b""))
        while True:
            duration_ms = float(image.info.get("duration", 0))
            duration_s = duration_ms / 1000 if duration_ms > _MAX_UNTRUSTED_MS else _DEFAULT_FRAME_S
            yield ImageFrame(to_rgb(image, profile, orientation), duration_s if is_animated else 0.0)
            if not is_animated:
                return
            try:
                image.seek(image.tell() + 1)
            except EOFError:
                return
            image.load()


def _completed(path: Path, data: bytes, failed: ImageFile.ImageFile, error: OSError) -> Image.Image:
    """Returns what there is of an image that could not be decoded, and logs what is missing.

    Raises:
        SourceError: Too much is missing; the message continues a sentence that starts with the file's name.
        OSError: `error`, if the image can't be completed.
    """
    completed = complete(data, failed)
    if completed is None:
        raise error
    image, missing = completed
    if missing > _MAX_MISSING:
        raise SourceError(f"is cut short ({missing:.0%} of its pixels are missing); give the whole image")
    lacking = f"{missing:.1%} of its pixels are missing" if missing else "its last details may be missing"
    _warn_once(f"{path} is damaged or cut short; {lacking}")
    return image


def to_rgb(image: Image.Image, profile: bytes | None, orientation: int) -> NDArray[np.uint8]:
    """Returns a loaded image of any mode, as it comes from a file, as upright sRGB over white.

    Args:
        image: The image.
        profile: Its ICC profile.
        orientation: Its orientation in EXIF, 1 to 8.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        SourceError: It is not known which level is white; the message continues a sentence that starts with a name.
    """
    if image.mode.startswith("I"):
        # Pillow scales all formats with this mode to 16 bits; it would clip values above 255 when converting.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(to_8_bits(np.asarray(image)))
    if image.mode == "LAB":
        image = lab_to_srgb(image)
    elif profile is not None:
        image = to_srgb(image, profile)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(upright(image.convert("RGB"), orientation))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _warn_once(message: str) -> None:
    """Logs a message the first time only: folders and animated images are read again in each round."""
    if message not in _logged:
        _logged.add(message)
        _log.warning(message)
