"""What the metrics share: the functions that they call, the order of the pixels, and the mean over pictures.

All take the network's input, uint8 (H, W, 3), RGB, and a map of any size that covers it; it is enlarged as when drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.preprocess import resize_to_input
from live_cam.types import CamConfig, Frame, Target

Scores = NDArray[np.floating[Any]]
Predict = Callable[[NDArray[np.uint8]], Scores]
"""From images uint8 (N, H, W, 3), RGB, to their probabilities, or logits, (N, classes)."""
Explain = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From images uint8 (N, H, W, 3), RGB, to their maps, float32 (N, h, w)."""

_BATCH: Final = 16
_TIES_PX: Final = 7


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over pictures.

    Attributes:
        mean: The mean, in the unit of the metric; NaN of no values.
        standard_error: The sample's standard deviation divided by the square root of n; NaN of fewer than two.
        n: The number of values.
    """

    mean: float
    standard_error: float
    n: int

    def as_dict(self) -> dict[str, float | None]:
        """Returns values of JSON; null is what is not defined."""
        mean, error = (None if math.isnan(each) else round(each, 6) for each in (self.mean, self.standard_error))
        return {"mean": mean, "standard_error": error, "n": self.n}


def estimate(values: Iterable[float]) -> Estimate:
    """Returns the mean of one value a picture. Those where the metric is not defined, which are NaN, are left out."""
    defined = [value for value in values if not math.isnan(value)]
    n = len(defined)
    mean = float(np.mean(defined)) if n else math.nan
    return Estimate(mean, float(np.std(defined, ddof=1)) / math.sqrt(n) if n > 1 else math.nan, n)


def input_image(explainer: ExplainerProtocol, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns what the network receives of a frame uint8 (H, W, 3), which is what its map covers: uint8 (h, w, 3)."""
    image = np.empty((*explainer.classifier.input_px, 3), np.uint8)
    resize_to_input([rgb], image[np.newaxis], explainer.classifier.resize)
    return image


def predict_with(explainer: ExplainerProtocol) -> Predict:
    """Returns a function from images to an explainer's probabilities, 0..1."""
    return lambda images: probabilities(explainer.logits(list(images)), explainer.classifier.head)


def explain_with(explainer: ExplainerProtocol, target: int, cam_config: CamConfig | None = None) -> Explain:
    """Returns a function from images to an explainer's maps of a class; see `Explainer.explain_all`."""

    def explain(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        frames = [Frame(image, pts_ns=0) for image in images]
        of_frames = explainer.explain_all(frames, [Target(target)], cam_config)
        return np.array([explanation.saliency_map for (explanation,) in of_frames])

    return explain


def require_image(image: NDArray[np.uint8]) -> None:
    """Raises `UsageError` unless an image is uint8 (H, W, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UsageError(f"an image is uint8 (H, W, 3), unlike {image.dtype} {image.shape}; `input_image` returns one")


def enlarge(saliency_map: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Returns a map float32 (h, w) at a height and width, interpolated linearly, as it is drawn.

    Raises:
        UsageError: It is no map, or not finite.
    """
    if saliency_map.ndim != 2 or not saliency_map.size or not np.isfinite(saliency_map).all():
        raise UsageError(f"a map is finite and has two axes, unlike one of shape {saliency_map.shape}")
    values = np.asarray(saliency_map, np.float32)
    return np.asarray(cv2.resize(values, size_px[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def descending_order(saliency_map: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """Returns the indices of a map's pixels, highest value first.

    Equal values, as where most of a map is 0, come in coherent regions at random: single pixels would disturb the whole
    picture, and rows from the top would favour the bottom.
    """
    height, width = saliency_map.shape
    noise = np.random.default_rng(seed).random((_TIES_PX, _TIES_PX))
    tie_break = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.lexsort((tie_break.ravel(), -saliency_map.ravel()))


def target_scores(predict: Predict, images: Iterator[NDArray[np.uint8]], target: int) -> NDArray[np.float64]:
    """Returns the score of a class for each image, in batches.

    Raises:
        UsageError: There is no such class.
    """
    scores: list[float] = []
    while batch := list(islice(images, _BATCH)):
        of_classes = predict(np.stack(batch))
        if not 0 <= target < of_classes.shape[1]:
            raise UsageError(f"there is no class {target}; classes are 0 to {of_classes.shape[1] - 1}")
        scores += of_classes[:, target].tolist()
    return np.array(scores)
