"""Deletion and insertion: what the most relevant pixels cost, and what they give.

Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models" (BMVC 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.ndimage import gaussian_filter

from live_cam.errors import UsageError
from live_cam.explain.metrics.base import Predict, descending_order, enlarge, require_image, target_scores
from live_cam.explain.saliency.occlusion import FILL_RGB

STEPS: Final = 224
"""Those of the paper, whose steps are 224 pixels of 224x224."""

_BLUR_PX, _BLUR_SIGMA_PX = 11, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The score of a class while pixels change.

    Attributes:
        fractions: The share of the pixels that have changed, 0..1, float64 (steps + 1,).
        scores: The scores, in the unit of what predicts, float64 (steps + 1,).
    """

    fractions: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def area(self) -> float:
        """The area under the curve by the trapezoidal rule: of probabilities 0..1."""
        return float(trapezoid(self.scores, self.fractions))


def deletion(
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    predict: Predict,
    target: int,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Curve:
    """Replaces pixels by grey, the most relevant first. The lower the area, the better the map.

    The grey is the mean colour of ImageNet, as in the authors' code.

    Args:
        image: The network's input, uint8 (H, W, 3), RGB.
        saliency_map: The map to measure, float32 (h, w).
        predict: Returns scores.
        target: The class.
        steps: Into how many equal parts the pixels are divided.
        seed: Chooses the order of pixels with equal values.

    Raises:
        UsageError: The image, the map or the steps are none, or there is no such class.
    """
    require_image(image)
    grey = np.full_like(image, FILL_RGB)
    return _change(image, grey, saliency_map, predict, target, steps, seed)


def insertion(
    image: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    predict: Predict,
    target: int,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Curve:
    """Restores pixels of the blurred image, the most relevant first. The higher the area, the better the map.

    The arguments and errors are those of `deletion`.
    """
    require_image(image)
    return _change(blur(image), image, saliency_map, predict, target, steps, seed)


def blur(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the image from which insertion starts, blurred by the kernel of the authors' code.

    That is a Gaussian with a standard deviation of 5 pixels, whose tails are mirrored into 11x11; beyond the image is
    grey.
    """
    unit = np.zeros((_BLUR_PX, _BLUR_PX))
    unit[_BLUR_PX // 2, _BLUR_PX // 2] = 1.0
    kernel = gaussian_filter(unit, _BLUR_SIGMA_PX)
    centred = image.astype(np.float64) - FILL_RGB
    blurred = cv2.filter2D(centred, -1, kernel, borderType=cv2.BORDER_CONSTANT) + FILL_RGB
    return np.asarray(np.clip(np.rint(blurred), 0, 255), np.uint8)


def _change(
    start: NDArray[np.uint8],
    finish: NDArray[np.uint8],
    saliency_map: NDArray[np.float32],
    predict: Predict,
    target: int,
    steps: int,
    seed: int,
) -> Curve:
    """Measures the scores while the pixels of one image become those of another."""
    if steps < 1:
        raise UsageError(f"steps is at least 1, not {steps}")
    order = descending_order(enlarge(saliency_map, start.shape[:2]), seed)
    bounds = np.rint(np.linspace(0, order.size, steps + 1)).astype(int)

    def images() -> Iterator[NDArray[np.uint8]]:
        current = start.copy()
        yield current.copy()
        for begin, end in pairwise(bounds):
            changed = np.unravel_index(order[begin:end], current.shape[:2])
            current[changed] = finish[changed]
            yield current.copy()

    return Curve(bounds / order.size, target_scores(predict, images(), target))
