"""Sensitivity to the weights: a map that stays alike while they are randomised explains something else.

Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018): cascading randomisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from live_cam.errors import UsageError
from live_cam.explain.metrics.base import enlarge
from live_cam.models.shuffle import copy_model, shuffle_layers

Maps = Sequence[NDArray[np.float32]]

_SSIM_SIGMA_PX: Final = 1.5
_SSIM_PX: Final = 11
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike two maps are: 1 if equal, about 0 if unrelated. The lower after randomisation, the better the method.

    Attributes:
        spearman: The rank correlation of their values, -1..1; NaN if one has equal values only.
        ssim: The structural similarity of both, each scaled to 0..1, -1..1.
    """

    spearman: float
    ssim: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What remains once the weights of the layers down to one are randomised.

    Attributes:
        layer: The last layer that was randomised.
        similarities: For each picture, that of its map to the one of the trained weights.
    """

    layer: str
    similarities: tuple[Similarity, ...]


def cascading_randomization(
    model: Any, explain: Callable[[Any], Maps], layers: Sequence[str] | None = None, *, seed: int = 0
) -> Iterator[Stage]:
    """Randomises the weights from the logits down, and yields how alike the maps remain.

    Args:
        model: A functional or Sequential `keras.Model`; stays as it is.
        explain: Returns the maps of the same pictures, float32 (h, w), for a model; called with `model` first.
        layers: The layers after which to compare; None for each that has weights.
        seed: Chooses the random weights.

    Raises:
        UsageError: The model has no such layer with weights.
    """
    height, width = model.inputs[0].shape[1:3]
    originals = [each.copy() for each in explain(model)]
    for layer, randomized in randomized_models(model, layers, seed=seed):
        maps = explain(randomized)
        pairs = zip(originals, maps, strict=True)
        yield Stage(layer, tuple(similarity(original, each, (height, width)) for original, each in pairs))


def randomized_models(model: Any, layers: Sequence[str] | None = None, *, seed: int = 0) -> Iterator[tuple[str, Any]]:
    """Yields a layer's name and a copy of the model in which all from the logits down to that layer is random.

    Each array of weights is shuffled, where the paper initialises it anew. The copy is one and the same, which changes
    with the next. See `cascading_randomization` for arguments and errors.
    """
    randomized = copy_model(model)
    names = [layer.name for layer in reversed(randomized.layers) if layer.weights]
    unknown = [layer for layer in layers or [] if layer not in names]
    if unknown:
        raise UsageError(f"the model has no layer {unknown[0]!r} with weights; the one of its logits is {names[0]!r}")
    for name in shuffle_layers(randomized, seed):
        if layers is None or name in layers:
            yield name, randomized


def similarity(first: NDArray[np.float32], second: NDArray[np.float32], size_px: tuple[int, int]) -> Similarity:
    """Compares two maps, float32 (h, w), at the height and width of the network's input; see `Similarity`."""
    maps = [enlarge(each, size_px) for each in (first, second)]
    ranks = [rankdata(each.ravel()) - (each.size + 1) / 2.0 for each in maps]
    norms = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    spearman = float(ranks[0] @ ranks[1]) / norms if norms else math.nan
    return Similarity(spearman, ssim(*(each / (each.max() or 1.0) for each in maps)))


def ssim(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Returns the mean structural similarity of two maps with values 0..1.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (IEEE TIP 2004), equation 13
    with its constants and Gaussian window, over the places where the window lies within the map.
    """

    def local_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = cv2.GaussianBlur(values, (_SSIM_PX, _SSIM_PX), _SSIM_SIGMA_PX)
        inside = slice(_SSIM_PX // 2, -(_SSIM_PX // 2))
        return np.asarray(blurred[inside, inside], np.float64)

    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = local_mean(x), local_mean(y)
    variances = local_mean(x * x) - mean_x**2 + local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    luminance = (2.0 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return float(np.mean(luminance * (2.0 * covariance + _C2) / (variances + _C2)))
