"""What the cameras of this machine can do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraOptions, CameraSource, ask, find_cameras, open_capture
from live_cam.sources.probing import run_probe

_TITLES = Path("/sys/class/video4linux")
_ASKED_SIZES_PX = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Mode:
    """What a camera gave when it was asked for a size.

    Attributes:
        width_px, height_px: The size of its pictures.
        rate_fps: Pictures a second; 0 where the driver tells none.
        pixel_format: How they come, such as `MJPEG` or `YUYV`; empty where the driver tells none.
    """

    width_px: int
    height_px: int
    rate_fps: float
    pixel_format: str


@dataclass(frozen=True, slots=True)
class CameraListing:
    """A camera that may be on this machine.

    Attributes:
        name: The word that means it on the command line.
        title: What its maker calls it; empty where the system does not tell.
        modes: What it gives, each once; empty when it can't be opened.
        problem: Why it can't be opened, else empty.
    """

    name: str
    title: str
    modes: tuple[Mode, ...]
    problem: str


def probe_cameras() -> list[CameraListing]:
    """Tries each camera out; one whose driver blocks takes 10 seconds and no more."""
    return [_probe(camera) for camera in find_cameras()]


def _probe(camera: CameraSource) -> CameraListing:
    modes: tuple[Mode, ...] = ()
    problem = ""
    try:
        modes = run_probe(camera.name, lambda: _modes(camera.device), _LIMIT_S)
    except SourceError as error:
        problem = str(error)
    return CameraListing(str(camera.device), _title(camera.device), modes, problem)


def _modes(device: int | str) -> tuple[Mode, ...]:
    found: dict[Mode, None] = {}
    for mjpeg in (False, True):
        # Opened afresh for each, since no wish takes a driver back to the format it prefers.
        capture = open_capture(device)
        try:
            for size_px in _ASKED_SIZES_PX:
                ask(capture, CameraOptions(size_px=size_px, mjpeg=mjpeg))
                found[_mode(capture)] = None
        finally:
            capture.release()
    return tuple(mode for mode in found if mode.width_px > 0 and mode.height_px > 0)


def _mode(capture: cv2.VideoCapture) -> Mode:
    width_px, height_px, rate_fps, code = (
        capture.get(wanted)
        for wanted in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC)
    )
    rate_fps = round(rate_fps, 2) if math.isfinite(rate_fps) and rate_fps > 0 else 0.0
    return Mode(int(width_px), int(height_px), rate_fps, _format_name(int(code)))


def _format_name(code: int) -> str:
    """Reads a four-character code, for which some backends give a number of their own."""
    letters = (code & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").rstrip()
    if not (letters.isascii() and letters.isalnum()):
        return ""
    return "MJPEG" if letters == "MJPG" else letters


def _title(device: int | str) -> str:
    try:
        return (_TITLES / f"video{device}" / "name").read_text(errors="replace").strip()
    except OSError:
        return ""
