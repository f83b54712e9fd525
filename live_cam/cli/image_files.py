"""Image files, in folders, to explain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from live_cam.errors import UsageError
from live_cam.sources.pictures.formats import format_of
from live_cam.sources.spec import is_folder


def find_images(inputs: Sequence[Path]) -> list[Path]:
    """Returns the images, in order; of each folder those files that begin as an image does, by name.

    Raises:
        UsageError: A folder holds none, or can't be read.
    """
    return [image for path in inputs for image in (_images_in(path) if is_folder(str(path)) else [path])]


def _images_in(folder: Path) -> list[Path]:
    try:
        images = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _is_readable(path))
    except OSError as error:
        raise UsageError(f"the folder {folder} can't be read ({error.strerror}); give one that can") from error
    if not images:
        raise UsageError(f"the folder {folder} holds no image; give one with JPEG, PNG or WebP files, or name them")
    return images


def _is_readable(path: Path) -> bool:
    image_format = format_of(path)
    return image_format is not None and image_format.is_readable
