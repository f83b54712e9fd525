"""Image files."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from live_cam.errors import SourceError
from live_cam.files import require_file


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
