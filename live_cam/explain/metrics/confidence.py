"""Average drop and increase in confidence: what remains of a probability where only the map's parts are shown.

Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks"
(WACV 2018), section 4.1. Both reward maps that cover the whole picture, which drop nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.metrics.base import Predict, enlarge, require_image, target_scores


@dataclass(frozen=True, slots=True)
class Confidence:
    """The probability of a class in an image and in its explanation map.

    Attributes:
        of_image: That of the whole image, Y in the paper.
        of_map: That of the image multiplied by the map, O in the paper.
    """

    of_image: float
    of_map: float

    @property
    def drop_percent(self) -> float:
        """100 max(0, Y - O) / Y, whose mean is the average drop; the lower, the better. NaN where Y is 0."""
        if self.of_image == 0.0:
            return math.nan
        return 100.0 * max(0.0, self.of_image - self.of_map) / self.of_image

    @property
    def increase_percent(self) -> float:
        """100 where O exceeds Y, else 0, whose mean is the increase in confidence; the higher, the better."""
        return 100.0 * (self.of_map > self.of_image)


def confidence(
    image: NDArray[np.uint8], saliency_map: NDArray[np.float32], predict: Predict, target: int
) -> Confidence:
    """Multiplies an image by its map, rectified and divided by its maximum, and compares the probabilities.

    Args:
        image: The network's input, uint8 (H, W, 3), RGB.
        saliency_map: The map to measure, float32 (h, w).
        predict: Returns probabilities.
        target: The class.

    Raises:
        UsageError: The image or the map is none, or there is no such class.
    """
    require_image(image)
    weights = np.maximum(enlarge(saliency_map, image.shape[:2]), 0.0)
    weights /= weights.max() or 1.0
    explained = np.rint(image * weights[..., np.newaxis]).astype(np.uint8)
    return Confidence(*target_scores(predict, iter((image, explained)), target).tolist())
