"""From the word on the command line to the source it means."""

from __future__ import annotations

from pathlib import Path

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraSource, first_camera
from live_cam.sources.demo import DemoSource
from live_cam.sources.file import FileSource
from live_cam.sources.source import Source


def find_source(word: str) -> Source:
    """Gives the source that `word` means, proven to deliver: one frame was read, and it is closed again.

    Args:
        word: `auto` (the first camera that delivers a frame, else the demo), `demo`, a camera's index or device
            path, or a video file.

    Raises:
        SourceError: The source asked for gives no frame.
    """
    if word == "auto":
        return first_camera() or DemoSource("Demo pictures (no camera found)")
    source = _named(word)
    source.open()
    try:
        source.read()
    finally:
        source.close()
    return source


def _named(word: str) -> Source:
    if word == "demo":
        return DemoSource()
    if word.isascii() and word.isdigit():
        return CameraSource(int(word))
    if word.startswith("/dev/"):
        return CameraSource(word)
    if "://" in word:
        raise SourceError(f"{word.split('://')[0]}:// addresses can't be opened; give a camera, a file or `demo`")
    return FileSource(Path(word))
