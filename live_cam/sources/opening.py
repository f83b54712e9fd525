"""From the word on the command line to the source it means."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from pathlib import Path

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraSource, find_cameras
from live_cam.sources.demo import DemoSource
from live_cam.sources.file import FileSource
from live_cam.sources.source import Source

_FIRST_FRAME_LIMIT_S = 5.0


def find_source(word: str) -> Source:
    """Gives the source that `word` means, proven to deliver: one frame was read, and it is closed again.

    Args:
        word: `auto` (the first camera that delivers a frame, else the demo), `demo`, a camera's index or device
            path, or a video file.

    Raises:
        SourceError: The source asked for gives no frame.
    """
    if word == "auto":
        return first_camera() or DemoSource("Demo pictures (no camera gives pictures)")
    source = _named(word)
    _require_frame(source)
    return source


def first_camera() -> CameraSource | None:
    """Gives the first camera of this machine that delivers a frame, closed again, or None."""
    for camera in find_cameras():
        with suppress(SourceError):
            _require_frame(camera)
            return camera
    return None


def _require_frame(source: Source) -> None:
    """Reads one frame in a thread of its own, so that a driver that blocks does not block us.

    Raises:
        SourceError: The source fails, or gives no frame in time.
    """
    failures: queue.Queue[SourceError | None] = queue.Queue(1)

    def read_one() -> None:
        try:
            source.open()
            source.read()
        except SourceError as error:
            failures.put(error)
        except Exception as error:  # whatever a driver or a decoder raises
            failures.put(SourceError(f"{source.name} failed: {error}"))
        else:
            failures.put(None)
        finally:
            source.close()

    thread = threading.Thread(target=read_one, name=f"probe {source.name}", daemon=True)
    thread.start()
    thread.join(_FIRST_FRAME_LIMIT_S)
    if thread.is_alive():
        raise SourceError(f"{source.name} gave no picture within {_FIRST_FRAME_LIMIT_S:.0f} s; is it blocked?")
    if (failure := failures.get_nowait()) is not None:
        raise failure


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
