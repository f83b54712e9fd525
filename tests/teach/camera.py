"""A camera before which a test holds a square of a colour."""

from __future__ import annotations

import time

import numpy as np

from live_cam.types import Frame
from tests.teach.colours import PURPLE, SIZE_PX

_SIDE_PX = 16


class ColourCamera:
    """A source of small frames, with the noise that every sensor has.

    Attributes:
        rate_fps: How many come in a second.
        thing: The colour of the square.
        background: The colour around it.
        at: Its upper left corner, in pixels.
    """

    name, kind, frozen_after_s = "Colours", "camera", None

    def __init__(self, rate_fps: float = 30.0) -> None:
        self.rate_fps = rate_fps
        self.thing: tuple[int, int, int] = PURPLE
        self.background = (20, 20, 20)
        self.at = (16, 8)
        self._rng = np.random.default_rng(0)

    def show(
        self, thing: tuple[int, int, int], background: tuple[int, int, int], at: tuple[int, int] = (16, 8)
    ) -> None:
        """Changes what it shows."""
        self.thing, self.background, self.at = thing, background, at

    def open(self) -> ColourCamera:
        return self

    def read(self) -> Frame:
        time.sleep(1 / self.rate_fps)
        width, height = SIZE_PX
        left, top = self.at
        colours = np.tile(np.array(self.background), (height, width, 1))
        colours[top : top + _SIDE_PX, left : left + _SIDE_PX] = self.thing
        noisy = colours + self._rng.integers(-8, 9, colours.shape)
        return Frame(np.clip(noisy, 0, 255).astype(np.uint8), time.monotonic_ns())

    def close(self) -> None:
        """Does nothing."""
