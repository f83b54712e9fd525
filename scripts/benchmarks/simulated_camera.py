"""A camera that delivers frames at a rate, without a decoder process."""

from __future__ import annotations

import numpy as np

from live_cam.clock import MONOTONIC
from live_cam.sources.base import Pacer, SourceKind
from live_cam.types import Frame


class SimulatedCamera:
    """Frames of noise with a bright square that moves, at a rate; a source that travels to another process.

    Args:
        name: Display name.
        rate_fps: Frames a second.
        size_px: Width and height of the frames.
        phase: When in each interval they come, 0..1.
    """

    kind: SourceKind = "network"

    def __init__(self, name: str, rate_fps: float, size_px: tuple[int, int] = (640, 480), phase: float = 0.0) -> None:
        self.name = name
        self._rate_fps = rate_fps
        self._size_px = size_px
        self._phase = phase

    def open(self) -> SimulatedStream:
        """Starts with the first frame."""
        return SimulatedStream(self._rate_fps, self._size_px, self._phase)


class SimulatedStream:
    """An open simulated camera."""

    frozen_after_s: float | None = None

    def __init__(self, rate_fps: float, size_px: tuple[int, int], phase: float) -> None:
        width, height = size_px
        self._noise = np.random.default_rng(0).integers(60, 120, (height, width, 3), np.uint8)
        self._pacer = Pacer(MONOTONIC)
        self._interval_ns = 1e9 / rate_fps
        self._phase = phase
        self._number = 0

    def read(self) -> Frame:
        """Waits until the next frame is due and returns it."""
        rgb = self._noise.copy()
        side = rgb.shape[0] // 3
        left = self._number * 7 % (rgb.shape[1] - side)
        rgb[side : 2 * side, left : left + side] = (220, 40, 40)
        pts_ns = self._pacer.wait(int((self._number + self._phase) * self._interval_ns))
        self._number += 1
        return Frame(rgb, pts_ns)

    def close(self) -> None:
        """Does nothing: no resource is open."""
