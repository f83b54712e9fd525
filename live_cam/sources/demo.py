"""The demo, which needs no camera: slow pans over photographs."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import SourceError
from live_cam.sources.base import Pacer, SourceKind
from live_cam.sources.demo_scenes import WRITING, Photograph, scene_at
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Frame

WIDTH_PX, HEIGHT_PX = 640, 480
RATE_FPS = 30

_ZOOM = 1.06
_SWAY_PX = (14, 8)
_SWAY_PERIOD_S = 11.0
# Where ResNet50 takes the writing for a carton, and a patch over a part of it suffices for the lion to be back.
_WRITING_PX = (4, 300)  # left, top
_WRITING_WIDTH_PX = 516
_WRITING_OPACITY = 0.43


class DemoSource:
    """The demo at 30 frames per second, 640x480, endless.

    Attributes:
        is_in_place_of_camera: Whether it is shown since no camera was found.
    """

    kind: SourceKind = "demo"

    def __init__(self, name: str = "Demo", clock: Clock = MONOTONIC, is_in_place_of_camera: bool = False) -> None:
        self.name = name
        self.is_in_place_of_camera = is_in_place_of_camera
        self._clock = clock

    def open(self) -> DemoStream:
        """Starts the first scene.

        Raises:
            SourceError: A photograph is missing.
        """
        demo_frame(0.0)
        return DemoStream(self._clock)


class DemoStream:
    """The demo from its first scene on."""

    frozen_after_s: float | None = None

    def __init__(self, clock: Clock) -> None:
        self._pacer = Pacer(clock)
        self._number = 0

    def read(self) -> Frame:
        """Waits until the next frame is due and returns it."""
        time_s = self._number / RATE_FPS
        rgb = demo_frame(time_s)
        pts_ns = self._pacer.wait(self._number * 1_000_000_000 // RATE_FPS)
        self._number += 1
        return Frame(rgb, pts_ns, caption=scene_at(time_s)[0].caption)

    def close(self) -> None:
        """Does nothing: no resource is open."""


def demo_frame(time_s: float) -> NDArray[np.uint8]:
    """Renders the demo at `time_s` seconds after its start.

    Returns:
        uint8 (480, 640, 3), RGB.
    """
    scene, elapsed_s = scene_at(time_s)
    width_px = WIDTH_PX // len(scene.photographs)
    panes = [_pan(_read(photograph, width_px), photograph.centre, time_s, width_px) for photograph in scene.photographs]
    rgb = np.hstack(panes)
    if opacity := scene.writing_opacity(elapsed_s):
        _write(rgb, opacity)
    return rgb


def _pan(photograph: NDArray[np.uint8], centre: tuple[float, float], time_s: float, width_px: int) -> NDArray[np.uint8]:
    """Returns a window that sways slowly over the photograph, with subpixel steps."""
    phase = 2.0 * math.pi * time_s / _SWAY_PERIOD_S
    sways = _SWAY_PX[0] * math.sin(phase), _SWAY_PX[1] * math.cos(phase)
    height, width = photograph.shape[:2]
    x, y = (
        min(max(fraction * size, window / 2 + most), size - window / 2 - most) + sway
        for fraction, size, window, most, sway in zip(
            centre, (width, height), (width_px, HEIGHT_PX), _SWAY_PX, sways, strict=True
        )
    )
    return np.asarray(cv2.getRectSubPix(photograph, (width_px, HEIGHT_PX), (x, y)), np.uint8)


def _write(rgb: NDArray[np.uint8], opacity: float) -> None:
    """Writes a translucent white line over a frame."""
    alpha = opacity * _writing()
    (left, top), (height, width) = _WRITING_PX, alpha.shape[:2]
    below = rgb[top : top + height, left : left + width]
    below[:] = (below + alpha * (255.0 - below)).round()


@cache
def _writing() -> NDArray[np.float32]:
    """Returns the opacity of the line of writing, float32 (height, width, 1), 0..1."""
    ink = cv2.cvtColor(read_rgb(WRITING), cv2.COLOR_RGB2GRAY)
    scale = _WRITING_WIDTH_PX / ink.shape[1]
    enlarged = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(_WRITING_OPACITY / 255.0 * enlarged[..., np.newaxis], np.float32)


@cache
def _read(photograph: Photograph, width_px: int) -> NDArray[np.uint8]:
    """Returns a photograph, scaled to cover a pane of `width_px` by `HEIGHT_PX` with room to pan."""
    path = photograph.path
    if not path.is_file():
        raise SourceError(f"the demo's photograph {photograph.name} is missing; reinstall live_cam and gradio")
    rgb = read_rgb(path)
    scale = _ZOOM * max(width_px / rgb.shape[1], HEIGHT_PX / rgb.shape[0])
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
