"""The local cameras and their capture modes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraOptions, CameraSource, configure, find_cameras, open_capture
from live_cam.sources.probe import run_probe

_SYSFS = Path("/sys/class/video4linux")
_PROBED_SIZES_PX = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class CameraMode:
    """A capture mode, as the driver reports it.

    Attributes:
        width_px, height_px: Frame size.
        rate_fps: Frames per second; 0 if unknown.
        pixel_format: Such as `MJPEG` or `YUYV`; empty if unknown.
    """

    width_px: int
    height_px: int
    rate_fps: float
    pixel_format: str


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that may be on this machine.

    Attributes:
        name: Its name on the command line.
        title: The maker's name for it; empty if unknown.
        modes: Its modes, each once; empty if it can't be opened.
        problem: Why it can't be opened; empty if it can.
    """

    name: str
    title: str
    modes: tuple[CameraMode, ...]
    problem: str


def list_cameras() -> list[CameraInfo]:
    """Opens each camera and returns its modes; waits at most 10 seconds for a driver that blocks."""
    return [_probe(camera) for camera in find_cameras()]


def camera_titles(options: CameraOptions = CameraOptions()) -> list[tuple[CameraSource, str]]:
    """Returns the cameras that may be on this machine, and the maker's names for them, without opening any.

    Linux has a further device for the metadata of many a camera, which delivers no frames and is left out.
    """
    return [(camera, _title(camera.device)) for camera in find_cameras(options) if _is_first(camera.device)]


def _probe(camera: CameraSource) -> CameraInfo:
    modes: tuple[CameraMode, ...] = ()
    problem = ""
    try:
        modes = run_probe(camera.name, lambda: _modes(camera.device), _LIMIT_S)
    except SourceError as error:
        problem = str(error)
    return CameraInfo(str(camera.device), _title(camera.device), modes, problem)


def _modes(device: int | str) -> tuple[CameraMode, ...]:
    found: dict[CameraMode, None] = {}
    for mjpeg in (False, True):
        # Opened again for each format, since no option resets a driver to its default format.
        capture = open_capture(device)
        try:
            for size_px in _PROBED_SIZES_PX:
                configure(capture, CameraOptions(size_px=size_px, mjpeg=mjpeg))
                found[_mode(capture)] = None
        finally:
            capture.release()
    return tuple(mode for mode in found if mode.width_px > 0 and mode.height_px > 0)


def _mode(capture: cv2.VideoCapture) -> CameraMode:
    width_px, height_px, rate_fps, fourcc = (
        capture.get(name)
        for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)
    )
    rate_fps = round(rate_fps, 2) if math.isfinite(rate_fps) and rate_fps > 0 else 0.0
    return CameraMode(int(width_px), int(height_px), rate_fps, _format_name(int(fourcc)))


def _format_name(fourcc: int) -> str:
    """Returns a FourCC as text; empty for the private numbers of some backends."""
    letters = (fourcc & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").rstrip()
    if not (letters.isascii() and letters.isalnum()):
        return ""
    return "MJPEG" if letters == "MJPG" else letters


def _title(device: int | str) -> str:
    try:
        return (_SYSFS / f"video{device}" / "name").read_text(errors="replace").strip()
    except OSError:
        return ""


def _is_first(device: int | str) -> bool:
    """Returns whether this is the first, or the only, device of a camera, as far as that is known."""
    try:
        return int((_SYSFS / f"video{device}" / "index").read_text()) == 0
    except (OSError, ValueError):
        return True
