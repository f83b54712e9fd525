"""What a word on the command line can name, found out before the libraries that open it are imported."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from live_cam.errors import UsageError
from live_cam.files import require_file
from live_cam.sources.url import SCHEMES

_VIDEO_SUFFIXES = ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv"
VIDEO_SUFFIXES: Final = frozenset(_VIDEO_SUFFIXES.split())
"""Suffixes of the files in a folder that count as videos; the system's own table would differ between machines."""

_WORDS = ("auto", "demo")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")


def check_spec(spec: str) -> None:
    """Checks that a word names a source, as far as that can be known without opening it.

    Args:
        spec: As for `live_cam.sources.factory.create_source`.

    Raises:
        UsageError: It is a URL with an unsupported scheme.
        SourceError: There is no such file or folder.
    """
    if spec in _WORDS or is_camera(spec):
        return
    scheme, is_url, _ = spec.partition("://")
    if is_url:
        if scheme.lower() not in SCHEMES:
            # Only the scheme is repeated, and only if it is one: the rest may contain a password.
            rejected = f"{scheme}:// URLs" if _SCHEME.fullmatch(scheme) else "URLs of this kind"
            raise UsageError(f"{rejected} can't be opened; give one that starts with {', '.join(SCHEMES)}, or `demo`")
    elif not is_folder(spec):
        require_file(Path(spec), "a video file, an image, a folder of images, a camera's number or `demo`")


def is_camera(spec: str) -> bool:
    """Whether a word names a local camera: its number, or its device."""
    return spec.startswith("/dev/") or (spec.isascii() and spec.isdigit())


def is_folder(spec: str) -> bool:
    """Whether a word names a folder that exists."""
    # The empty string would be the working directory; what is wrong with a name that is too long, files tell.
    with suppress(OSError):
        return spec != "" and Path(spec).is_dir()
    return False
