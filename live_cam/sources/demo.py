"""The demo, which needs no camera: slow pans over photographs that ship with gradio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import SourceError
from live_cam.sources.base import Pacer, SourceKind
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Frame

WIDTH_PX, HEIGHT_PX = 640, 480
RATE_FPS = 30
SCENE_S = 6.0

_ZOOM = 1.25
_SWAY_PERIOD_S = 11.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Photographs that are shown side by side for `SCENE_S` seconds."""

    photographs: tuple[str, ...]


SCENES = (
    Scene(("lion.jpg",)),
    Scene(("cheetah.jpg",)),
    Scene(("lion.jpg", "cheetah1.jpg")),
    Scene(("tower.jpg",)),
    Scene(("cheetah1.jpg",)),
    Scene(("cheetah.jpg", "lion.jpg")),
)


class DemoSource:
    """The demo at 30 frames per second, 640x480, endless."""

    kind: SourceKind = "demo"

    def __init__(self, name: str = "Demo", clock: Clock = MONOTONIC) -> None:
        self.name = name
        self._clock = clock

    def open(self) -> DemoStream:
        """Starts the first scene.

        Raises:
            SourceError: gradio's photographs are missing.
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
        rgb = demo_frame(self._number / RATE_FPS)
        pts_ns = self._pacer.wait(self._number * 1_000_000_000 // RATE_FPS)
        self._number += 1
        return Frame(rgb, pts_ns)

    def close(self) -> None:
        """Does nothing: no resource is open."""


def demo_frame(time_s: float) -> NDArray[np.uint8]:
    """Renders the demo at `time_s` seconds after its start.

    Returns:
        uint8 (480, 640, 3), RGB.
    """
    scene = SCENES[int(time_s / SCENE_S) % len(SCENES)]
    width_px = WIDTH_PX // len(scene.photographs)
    panes = [_pan(_photograph(name, width_px), time_s, width_px) for name in scene.photographs]
    return panes[0] if len(panes) == 1 else np.hstack(panes)


def _pan(photograph: NDArray[np.uint8], time_s: float, width_px: int) -> NDArray[np.uint8]:
    """Returns a window that sways slowly over the photograph, with subpixel steps."""
    phase = 2.0 * math.pi * time_s / _SWAY_PERIOD_S
    height, width = photograph.shape[:2]
    centre = (
        width / 2 + (width - width_px) / 2 * math.sin(phase),
        height / 2 + (HEIGHT_PX - height) / 4 * math.cos(phase),
    )
    return np.asarray(cv2.getRectSubPix(photograph, (width_px, HEIGHT_PX), centre), np.uint8)


@cache
def _photograph(name: str, width_px: int) -> NDArray[np.uint8]:
    """Returns a photograph, scaled to cover a pane of `width_px` by `HEIGHT_PX` with room to pan."""
    # Located without importing gradio, which only `live_cam.web` may do.
    spec = find_spec("gradio")
    folder = Path(spec.origin or "").parent / "media_assets" / "images" if spec else None
    if folder is None or not (folder / name).is_file():
        raise SourceError(f"the demo's photograph {name} is missing; reinstall gradio")
    rgb = read_rgb(folder / name)
    scale = _ZOOM * max(width_px / rgb.shape[1], HEIGHT_PX / rgb.shape[0])
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
