"""How far two maps agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns the correlation of two maps; 1 for two that are flat, 0 if only one is."""
    flat = [float(np.ptp(each)) == 0.0 for each in (one, other)]
    if any(flat):
        return float(all(flat))
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
