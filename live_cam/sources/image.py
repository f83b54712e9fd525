"""Reading one picture from a file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from live_cam.errors import SourceError


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Reads a picture upright, as its EXIF orientation says.

    Returns:
        uint8 (H, W, 3), RGB; transparency is laid over white.

    Raises:
        SourceError: There is no such file, it is no picture, it is cut short, or it would take too much memory.
    """
    if not path.is_file():
        raise SourceError(f"there is no picture {path}" if not path.exists() else f"{path} is not a file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                if upright.has_transparency_data:
                    rgba = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
                return np.array(upright.convert("RGB"))
    except UnidentifiedImageError:
        raise SourceError(f"{path} is not a picture that can be read; give a JPEG, PNG or WebP file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise SourceError(f"{path} claims to be larger than this program opens") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise SourceError(f"{path} is damaged ({error})") from error
