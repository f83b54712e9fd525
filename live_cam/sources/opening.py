"""From the word on the command line to the source it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from live_cam.errors import SourceError, UsageError
from live_cam.sources.address import SCHEMES
from live_cam.sources.camera import CameraOptions, CameraSource, find_cameras
from live_cam.sources.demo import DemoSource
from live_cam.sources.file import FileSource
from live_cam.sources.folder import FolderSource
from live_cam.sources.network import NetworkSource
from live_cam.sources.probing import run_probe
from live_cam.sources.source import Source

_FIRST_FRAME_LIMIT_S = 5.0
_CAMERA_WISHES = frozenset(("--size", "--rate", "--mjpeg", "--mirror"))
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")


def find_source(word: str, options: CameraOptions = CameraOptions()) -> Source:  # noqa: B008 (frozen)
    """Gives the source that `word` means.

    What `auto` chooses, a file and a folder are proven to deliver: one frame was read, and they are closed again. A
    camera or an address is not, since it may come later than the program that waits for it.

    Args:
        word: `auto` (the first camera that delivers a frame, else the demo), `demo`, a camera's index or device path,
            the address of a network camera, a video file, or a folder of pictures.
        options: What a camera is asked for.

    Raises:
        UsageError: It is an address of a kind that nothing here opens.
        SourceError: The file or folder gives no frame.
    """
    if word == "auto":
        return first_camera(options) or DemoSource("Demo pictures (no camera gives pictures)")
    if word == "demo":
        return DemoSource()
    if _is_camera(word):
        return CameraSource(int(word) if word.isdigit() else word, options)
    if "://" in word:
        return _at_address(word)
    source = FolderSource(Path(word)) if _is_folder(word) else FileSource(Path(word))
    _require_frame(source)
    return source


def require_heeded(words: Sequence[str], options: CameraOptions) -> None:
    """Tells of wishes that none of the sources would heed.

    Args:
        words: What `find_source` takes, or `browser`: to browsers nothing can be said of a format.
        options: The wishes.

    Raises:
        UsageError: There is one.
    """
    heeded: set[str] = set()
    for word in words:
        if word == "browser":
            heeded |= _CAMERA_WISHES - {"--mjpeg"}
        elif word == "auto" or _is_camera(word):
            heeded |= _CAMERA_WISHES
    given = {
        "--size": options.size_px is not None,
        "--rate": options.rate_fps is not None,
        "--mjpeg": options.mjpeg,
        "--mirror": options.mirror,
    }
    unheeded = [wish for wish, is_given in given.items() if is_given and wish not in heeded]
    if unheeded:
        whose = "cameras of this machine" if unheeded == ["--mjpeg"] else "cameras of this machine and of browsers"
        raise UsageError(f"only {whose} heed {' and '.join(unheeded)}, and none is given here; leave that out")


def first_camera(options: CameraOptions = CameraOptions()) -> CameraSource | None:  # noqa: B008 (frozen)
    """Gives the first camera of this machine that delivers a frame, closed again, or None."""
    for camera in find_cameras(options):
        with suppress(SourceError):
            _require_frame(camera)
            return camera
    return None


def _require_frame(source: Source) -> None:
    """Opens a source, reads one frame and closes it.

    Raises:
        SourceError: The source fails, or gives no frame in time.
    """

    def read_one() -> None:
        stream = source.open()
        try:
            stream.read()
        finally:
            stream.close()

    run_probe(source.name, read_one, _FIRST_FRAME_LIMIT_S)


def _at_address(address: str) -> NetworkSource:
    scheme = address.split("://", maxsplit=1)[0]
    if scheme.lower() in SCHEMES:
        return NetworkSource(address)
    # What is no scheme may hold a password, as all that follows may.
    named = f"{scheme}:// addresses" if _SCHEME.fullmatch(scheme) else "addresses of this kind"
    raise UsageError(f"{named} can't be opened; give one that begins with {', '.join(SCHEMES)}, or `demo`")


def _is_camera(word: str) -> bool:
    return word.startswith("/dev/") or (word.isascii() and word.isdigit())


def _is_folder(word: str) -> bool:
    # The empty word would be the working directory; a name too long is left to the file's own error.
    with suppress(OSError):
        return word != "" and Path(word).is_dir()
    return False
