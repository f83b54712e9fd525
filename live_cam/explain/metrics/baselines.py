"""Maps that know nothing of the network, which the map of a method should beat."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.metrics.base import enlarge

_CENTRE_SIGMA: Final = 0.25


def random_map(size_px: tuple[int, int], seed: int, cells: tuple[int, int] = (7, 7)) -> NDArray[np.float32]:
    """Returns a map float32 (H, W) of random cells, as many as a layer has; single pixels would disturb more."""
    return enlarge(np.random.default_rng(seed).random(cells, np.float32), size_px)


def centre_map(size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Returns a Gaussian in the centre, float32 (H, W), whose standard deviation is a quarter of each side."""
    rows, columns = (np.exp(-0.5 * (((np.arange(size) + 0.5) / size - 0.5) / _CENTRE_SIGMA) ** 2) for size in size_px)
    return np.outer(rows, columns).astype(np.float32)
