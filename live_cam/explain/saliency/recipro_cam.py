"""Recipro-CAM: what each place alone would make the head say.

Byun and Lee, "Recipro-CAM: Fast gradient-free visual explanations for convolutional neural networks" (arXiv 2209.14074,
2022), section 3: the activation times a mask around one place, for each of its places, through the head; the map is the
score at each place, less the least of them. Their division by the range is left to drawing, as for all methods.

Two things differ from their code. Its kernel is [[1, 2, 1], [2, 4, 2], [1, 2, 1]] / 16; here it is scaled to 1 at the
centre, so that a head with biases sees a place at its full strength, as with the mask of a single place. And it spreads
the features of the place over its neighbours, where the mask of the paper lets those of the neighbours through.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_KERNEL: Final = np.array([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]], np.float32)


def place_masks(height: int, width: int) -> Array:
    """Returns the mask of each place, row by row: float32 (h * w, h, w, 1)."""
    padded = np.zeros((height, width, height + 2, width + 2), np.float32)
    for y, x in np.ndindex(height, width):
        padded[y, x, y : y + 3, x : x + 3] = _KERNEL
    return padded[:, :, 1:-1, 1:-1].reshape(height * width, height, width, 1)


def recipro_cam(scores: Array, targets: Array, height: int, width: int) -> Array:
    """Returns the maps float32 (K, h, w), whose least value is 0.

    Args:
        scores: float32 (h * w, classes), of each place alone: logits or probabilities.
        targets: float32 (K, classes).
        height: h.
        width: w.
    """
    of_targets = targets @ scores.T
    of_targets -= of_targets.min(axis=1, keepdims=True)
    return np.asarray(of_targets.reshape(len(targets), height, width), np.float32)
