"""Image files, and JPEG data that a client sent."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from live_cam.errors import SourceError
from live_cam.files import require_file

_MAX_JPEG_PIXELS = 1920 * 1920


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Reads an image file, upright according to its EXIF orientation.

    Returns:
        uint8 (H, W, 3), RGB; transparency is composed over white.

    Raises:
        SourceError: The file does not exist, is no image, is cut short, or would need too much memory.
    """
    require_file(path, "an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright: Image.Image = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I;16"):
                    # Pillow would clip values above 255, and a bright image would come out white.
                    upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
                elif upright.mode in ("I", "F"):
                    raise SourceError(f"{path} has more than 16 bits per channel; save it with 8 or 16")
                if upright.has_transparency_data:
                    rgba = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
                return np.array(upright.convert("RGB"))
    except UnidentifiedImageError:
        raise SourceError(f"{path} is not a readable image; give a JPEG, PNG or WebP file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise SourceError(f"{path} is too large; give an image with fewer pixels") from None
    except SourceError:
        raise
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise SourceError(f"{path} is damaged ({error}); give another image") from error


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Decodes a JPEG, whose size is checked first; its EXIF orientation is ignored.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        SourceError: It is no JPEG, is damaged, or has too many pixels.
    """
    try:
        with Image.open(BytesIO(data), formats=["JPEG"]) as image:
            width_px, height_px = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SourceError("an image that was sent is no JPEG; send JPEG") from error
    if width_px * height_px > _MAX_JPEG_PIXELS:
        raise SourceError(f"an image of {width_px}x{height_px} was sent; send at most {_MAX_JPEG_PIXELS} pixels")
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise SourceError("an image that was sent is damaged; send it again")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
