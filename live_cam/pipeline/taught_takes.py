"""What is kept of a take while it is shown, and of all takes: features, mean activations and small pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.render.encode import encode_jpeg
from live_cam.teach.examples import Take

MAX_PICTURES: int = 200
"""Of a take: twenty seconds."""

_PICTURE_PX = 320


class TakeRecorder:
    """One take, in bounded memory.

    Attributes:
        number: Unique among the takes of an audience.
        class_id: What is shown.
        pictures: Its frames as JPEG, small.
        size_bytes: About how much memory it takes.
    """

    def __init__(self, number: int, class_id: int) -> None:
        """Starts without frames."""
        self.number = number
        self.class_id = class_id
        self.pictures: list[bytes] = []
        self.size_bytes = 0
        self._features: list[NDArray[np.float32]] = []
        self._sum: NDArray[np.float32] | None = None

    def add(self, activation: NDArray[np.float32], picture: bytes) -> None:
        """Adds a frame.

        Args:
            activation: float32 (h, w, channels).
            picture: See `small_jpeg`.
        """
        features = activation.mean(axis=(0, 1))
        if self._sum is None:
            self._sum = np.zeros_like(activation)
            self.size_bytes += self._sum.nbytes
        self._sum += activation
        self._features.append(features)
        self.pictures.append(picture)
        self.size_bytes += features.nbytes + len(picture)

    def as_take(self, class_index: int) -> Take:
        """Returns what is learnt from: at least one frame, under the number that its class has in the fit."""
        assert self._sum is not None
        return Take(class_index, np.stack(self._features), self._sum / np.float32(len(self._features)))


def small_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Returns a frame uint8 (H, W, 3) as JPEG of 320 pixels at most, which is more than most networks see."""
    scale = _PICTURE_PX / max(rgb.shape[:2])
    if scale < 1.0:
        size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return encode_jpeg(rgb)
