"""Saliency methods: functions from activations and gradients to maps, not yet rectified.

All take `activations`, float32 (N, h, w, channels), and `gradients`, float32 (N, K, h, w, channels): of K scores to
the activations. They return float32 (N, K, h, w). Below, A is an activation at position (i, j) and channel k, and g its
gradient.

On NumPy arrays they are computed behind the compiled step, where they cost little and another method takes effect at
the next frame. On tensors they become a part of its graph, so that a GPU returns maps instead of activations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from live_cam.types import Method

Array = Any
"""NumPy's, or a tensor of Keras's backend."""

_FUSION_GAIN = 2.0
_POWER_ITERATIONS = 16


def saliency_maps(method: Method, activations: Sequence[Array], gradients: Sequence[Array]) -> Array:
    """Applies a method to one layer, or to several, whose maps are fused.

    Args:
        method: The saliency method.
        activations: float32 (N, h, w, channels) of each layer, finest first.
        gradients: float32 (N, K, h, w, channels) of each.

    Returns:
        float32 (N, K, h, w), rectified and not normalised, at the size of the finest.
    """
    maximum = _ops(activations[0]).maximum
    by_layer = [maximum(METHODS[method].function(a, g), 0.0) for a, g in zip(activations, gradients, strict=True)]
    return by_layer[0] if len(by_layer) == 1 else fuse(by_layer)


def grad_cam(activations: Array, gradients: Array) -> Array:
    """Weights each channel by the mean of its gradient over all positions.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (ICCV 2017),
    equations 1 and 2: sum_k A_ijk * mean_ij(g_ijk).
    """
    return _weighted(activations, _ops(gradients).mean(gradients, axis=(2, 3)))


def hires_cam(activations: Array, gradients: Array) -> Array:
    """Multiplies each activation by its own gradient, so that only positions that contribute to the score are shown.

    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks"
    (arXiv 2011.08891, 2020), section 3: sum_k A_ijk * g_ijk.
    """
    return _ops(activations).einsum("nhwc,nkhwc->nkhw", activations, gradients)


def grad_cam_plus_plus(activations: Array, gradients: Array) -> Array:
    """Weights each channel by its positive gradients, those at few positions as much as those at many.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks"
    (WACV 2018), equations 7 and 19: sum_k A_ijk * sum_ij(a_ijk * relu(g_ijk)) with
    a_ijk = g_ijk^2 / (2 g_ijk^2 + sum_ij(A_ijk) g_ijk^3). The paper's score is exp(logit), whose factor exp(logit) is
    common to the whole map and omitted here, since it overflows.
    """
    ops = _ops(activations)
    total = ops.sum(activations, axis=(1, 2))[:, np.newaxis, np.newaxis, np.newaxis]
    # Both sides of the fraction divided by g^2, which would vanish in float32.
    weights = _divide(ops.maximum(gradients, 0.0), 2.0 + total * gradients)
    return _weighted(activations, ops.sum(weights, axis=(2, 3)))


def xgrad_cam(activations: Array, gradients: Array) -> Array:
    """Weights each channel by its mean gradient, weighted by each position's share of the channel's activation.

    Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs" (BMVC 2020), section 3:
    sum_k A_ijk * sum_ij(A_ijk / sum_ij(A_ijk) * g_ijk).
    """
    ops = _ops(activations)
    total = ops.sum(activations, axis=(1, 2))[:, np.newaxis]
    return _weighted(activations, _divide(ops.einsum("nhwc,nkhwc->nkc", activations, gradients), total))


def layer_cam(activations: Array, gradients: Array) -> Array:
    """Multiplies each activation by its own positive gradient, which also suits lower layers.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (IEEE TIP 2021),
    section III: sum_k A_ijk * relu(g_ijk).
    """
    return hires_cam(activations, _ops(gradients).maximum(gradients, 0.0))


def eigen_cam(activations: Array, gradients: Array) -> Array:
    """Projects the activations onto their first principal component, independent of the class.

    Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components" (IJCNN 2020), section III:
    A = U S V^T, the map is A V_1, which is S_1 U_1. The component is computed by power iteration; its sign is the one
    for which the sum of the map is positive.
    """
    ops = _ops(activations)
    batch_size, height, width, channels = activations.shape
    peaks = ops.max(ops.abs(activations), axis=(1, 2, 3), keepdims=True)
    # Divided by its peak: products of the activations of random weights would overflow.
    positions = ops.reshape(_divide(activations, peaks), (batch_size, height * width, channels))
    transposed = ops.transpose(positions, (0, 2, 1))
    component = ops.mean(positions, axis=1)[..., np.newaxis]
    if height * width < channels:  # the smaller of A A^T, whose first component is U_1, and A^T A, whose is V_1
        left = _first_component(positions @ transposed, positions @ component)
        projected = left * _norm(transposed @ left)
    else:
        projected = positions @ _first_component(transposed @ positions, component)
    negative = ops.sum(projected, axis=1, keepdims=True) < 0.0
    maps = peaks * ops.reshape(ops.where(negative, -projected, projected), (batch_size, 1, height, width))
    return ops.broadcast_to(maps, (batch_size, gradients.shape[1], height, width))


def fuse(maps: Sequence[Array]) -> Array:
    """Fuses the maps of several layers into one at the resolution of the finest.

    LayerCAM (see `layer_cam`), section III: the element-wise maximum of the maps, each divided by its maximum, those of
    the lower layers scaled by tanh(2 M / max(M)), since their values are small. The result is multiplied by the peak of
    the last map, so that it fades with it and a map of noise does not look like one of an object.

    Args:
        maps: Rectified maps, float32 (N, K, h, w) each, finest first.
    """
    ops = _ops(maps[0])
    size = maps[0].shape[2:]
    peaks = [ops.max(each, axis=(2, 3), keepdims=True) for each in maps]
    *lower, last = (_divide(each, peak) for each, peak in zip(maps, peaks, strict=True))
    fused = _enlarge(last, size)
    for each in lower:
        fused = ops.maximum(fused, _enlarge(ops.tanh(_FUSION_GAIN * each), size))
    return fused * peaks[-1]


def _ops(array: Array) -> Any:
    """Returns NumPy for its arrays, and for tensors `keras.ops`, whose functions have the same names."""
    if isinstance(array, np.ndarray):
        return np
    import keras

    return keras.ops


def _weighted(activations: Array, channel_weights: Array) -> Array:
    return _ops(activations).einsum("nhwc,nkc->nkhw", activations, channel_weights)


def _enlarge(maps: Array, size: tuple[int, int]) -> Array:
    """Interpolates maps (N, K, h, w) linearly to a height and width."""
    if isinstance(maps, np.ndarray):
        enlarged = np.empty((*maps.shape[:2], *size), np.float32)
        for place in np.ndindex(maps.shape[:2]):
            enlarged[place] = cv2.resize(maps[place], size[::-1], interpolation=cv2.INTER_LINEAR)
        return enlarged
    return _ops(maps).image.resize(maps, size, "bilinear", data_format="channels_first")


def _first_component(matrices: Array, start: Array) -> Array:
    """Returns the unit eigenvectors (N, size, 1) of the largest eigenvalue of positive matrices (N, size, size)."""
    component = start
    for _ in range(_POWER_ITERATIONS):
        component = matrices @ component
        component = _divide(component, _norm(component))
    return component


def _norm(vectors: Array) -> Array:
    ops = _ops(vectors)
    return ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True))


def _divide(numerator: Array, denominator: Array) -> Array:
    """Divides; a division by zero is zero."""
    ops = _ops(numerator)
    is_zero = denominator == 0.0
    return ops.where(is_zero, 0.0, numerator / ops.where(is_zero, 1.0, denominator))


@dataclass(frozen=True, slots=True)
class SaliencyMethod:
    """A saliency method.

    Attributes:
        function: Computes its maps, not rectified.
        note: What it does and when to use it, in one sentence.
    """

    function: Callable[[Array, Array], Array]
    note: str


METHODS: Final[dict[Method, SaliencyMethod]] = {
    "gradcam": SaliencyMethod(
        grad_cam, "Weights each feature by how much the class gains from it on average; the usual choice to start with."
    ),
    "hirescam": SaliencyMethod(
        hires_cam, "Shows only positions that contribute to the score; use it where the map must not show too much."
    ),
    "gradcam++": SaliencyMethod(
        grad_cam_plus_plus,
        "Counts small and scattered evidence as much as large; use it for several objects of one class.",
    ),
    "xgradcam": SaliencyMethod(
        xgrad_cam,
        "Weights each feature by its gradient where it is active; use it to check Grad-CAM by a stricter rule.",
    ),
    "layercam": SaliencyMethod(
        layer_cam, "Weights every position by its own positive gradient; use it for fine maps at lower layers."
    ),
    "layercam-fused": SaliencyMethod(
        layer_cam, "Fuses the LayerCAM maps of three layers of its own; use it for the finest map."
    ),
    "eigencam": SaliencyMethod(
        eigen_cam, "Shows what stands out most, whatever the class; use it to see what the layer responds to at all."
    ),
}
