"""What needs no object to compare with: how concentrated a map is, and how steady where the image hardly changes."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.metrics.base import Explain, enlarge, require_image

RADIUS: Final = 5
"""2 % of 255, rounded."""


def sparseness(saliency_map: NDArray[np.float32], size_px: tuple[int, int]) -> float:
    """Returns the Gini index of a map: 0 if all values are equal, near 1 if few have all; NaN of an empty map.

    Chalasani et al., "Concise Explanations of Neural Networks using Adversarial Training" (ICML 2020).

    Args:
        saliency_map: float32 (h, w), of whose values the absolute count.
        size_px: Height and width of the network's input, to which the map is enlarged: maps of several layers compare
            at one size only.
    """
    ascending = np.sort(np.abs(enlarge(saliency_map, size_px)), axis=None).astype(np.float64)
    total, d = ascending.sum(), ascending.size
    if total == 0.0:
        return math.nan
    k = np.arange(1, d + 1)
    return float(1.0 - 2.0 * np.sum(ascending / total * (d - k + 0.5) / d))


def max_sensitivity(
    image: NDArray[np.uint8], explain: Explain, *, radius: int = RADIUS, samples: int = 10, seed: int = 0
) -> float:
    """Returns the greatest change of the map as a share of its norm; the lower, the steadier. NaN of an empty map.

    Yeh et al., "On the (In)fidelity and Sensitivity of Explanations" (NeurIPS 2019): the maximum of
    |map(y) - map(x)| over y with |y - x| <= r, found by random samples; divided by |map(x)| as in Captum and Quantus,
    so that maps of any scale compare. Norms of maps are Euclidean; |y - x| is the greatest change of a channel.

    Args:
        image: The network's input x, uint8 (H, W, 3), RGB.
        explain: Returns maps.
        radius: r, in levels of 255.
        samples: How many y are drawn, uniformly.
        seed: Chooses them.

    Raises:
        UsageError: The image is none.
    """
    require_image(image)
    noise = np.random.default_rng(seed).integers(-radius, radius, (samples, *image.shape), endpoint=True)
    perturbed = np.clip(image + noise, 0, 255).astype(np.uint8)
    original = explain(image[np.newaxis])[0].astype(np.float64)
    norm = float(np.linalg.norm(original))
    if norm == 0.0:
        return math.nan
    changes = explain(perturbed).astype(np.float64) - original
    return float(np.linalg.norm(changes, axis=(1, 2)).max()) / norm
