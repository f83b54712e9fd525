"""Saliency methods: each a function from activations and gradients to maps, not yet rectified.

All take `activations`, float32 (N, h, w, channels), and `gradients`, float32 (N, K, h, w, channels): of K scores to
the activations. They give float32 (N, K, h, w). Below, A is an activation at place (i, j) and channel k, and g its
gradient.

They are no part of the compiled step: they cost little beside it, so that another method takes effect at
the next frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Method

Array = NDArray[np.float32]
MapOf = Callable[[Array, Array], Array]

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
    by_layer = [np.maximum(METHODS[method](a, g), 0.0) for a, g in zip(activations, gradients, strict=True)]
    return by_layer[0] if len(by_layer) == 1 else fuse(by_layer)


def grad_cam(activations: Array, gradients: Array) -> Array:
    """Weighs each channel by the mean of its gradient over all places.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (ICCV 2017),
    equations 1 and 2: sum_k A_ijk * mean_ij(g_ijk).
    """
    return _weighted(activations, gradients.mean(axis=(2, 3)))


def hires_cam(activations: Array, gradients: Array) -> Array:
    """Multiplies each activation by its own gradient, so that only places that the score used light up.

    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks"
    (arXiv 2011.08891, 2020), section 3: sum_k A_ijk * g_ijk.
    """
    maps: Array = np.einsum("nhwc,nkhwc->nkhw", activations, gradients)
    return maps


def grad_cam_plus_plus(activations: Array, gradients: Array) -> Array:
    """Weighs each channel by its positive gradients, those at few places as much as those at many.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks"
    (WACV 2018), equations 7 and 19: sum_k A_ijk * sum_ij(a_ijk * relu(g_ijk)) with
    a_ijk = g_ijk^2 / (2 g_ijk^2 + sum_ij(A_ijk) g_ijk^3). The paper's score is exp(logit), whose factor exp(logit) is
    common to the whole map and left out here, since it overflows.
    """
    total = activations.sum(axis=(1, 2))[:, np.newaxis, np.newaxis, np.newaxis]
    # Both sides of the fraction divided by g^2, which would vanish in float32.
    weights = _divide(np.maximum(gradients, 0.0), 2.0 + total * gradients)
    return _weighted(activations, weights.sum(axis=(2, 3)))


def xgrad_cam(activations: Array, gradients: Array) -> Array:
    """Weighs each channel by the mean of its gradient, each place counting by its share of the channel's activation.

    Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs" (BMVC 2020), section 3:
    sum_k A_ijk * sum_ij(A_ijk / sum_ij(A_ijk) * g_ijk).
    """
    total = activations.sum(axis=(1, 2))[:, np.newaxis]
    return _weighted(activations, _divide(np.einsum("nhwc,nkhwc->nkc", activations, gradients), total))


def layer_cam(activations: Array, gradients: Array) -> Array:
    """Multiplies each activation by its own gradient where that is positive, which also suits layers far down.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (IEEE TIP 2021),
    section III: sum_k A_ijk * relu(g_ijk).
    """
    return hires_cam(activations, np.maximum(gradients, 0.0))


def eigen_cam(activations: Array, gradients: Array) -> Array:
    """Projects the activations onto their first principal component: what the layer sees, whatever the class.

    Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components" (IJCNN 2020), section III:
    A = U S V^T, the map is A V_1, which is S_1 U_1. The component is found by power iteration; of its two signs the
    one is taken whose map is positive on the whole.
    """
    frames_n, height, width, channels = activations.shape
    places = activations.reshape(frames_n, height * width, channels)
    turned = places.transpose(0, 2, 1)
    component = places.mean(axis=1)[..., np.newaxis]
    if height * width < channels:  # the smaller of A A^T, whose first component is U_1, and A^T A, whose is V_1
        left = _first_component(places @ turned, places @ component)
        projected = left * _norm(turned @ left)
    else:
        projected = places @ _first_component(turned @ places, component)
    projected *= np.where(projected.sum(axis=1, keepdims=True) < 0.0, np.float32(-1.0), np.float32(1.0))
    maps = projected.reshape(frames_n, 1, height, width)
    return np.broadcast_to(maps, (frames_n, gradients.shape[1], height, width))


def fuse(maps: Sequence[Array]) -> Array:
    """Joins the maps of several layers into one as fine as the finest.

    LayerCAM (see `layer_cam`), section III: the place-wise maximum of the maps, each divided by its maximum, those of
    the lower layers lifted by tanh(2 M / max(M)), since their values are small. The result is put back on the scale of
    the last map, so that it fades with it and a map of noise does not look like one of something.

    Args:
        maps: Rectified maps, float32 (N, K, h, w) each, finest first.
    """
    height, width = maps[0].shape[2:]
    peaks = [each.max(axis=(2, 3), keepdims=True) for each in maps]
    *lower, last = (_divide(each, peak) for each, peak in zip(maps, peaks, strict=True))
    fused = np.zeros(maps[0].shape, np.float32)
    for scaled in (*(np.tanh(_FUSION_GAIN * each) for each in lower), last):
        for place in np.ndindex(fused.shape[:2]):
            resized = cv2.resize(scaled[place], (width, height), interpolation=cv2.INTER_LINEAR)
            np.maximum(fused[place], resized, out=fused[place])
    fused *= peaks[-1]
    return fused


def _weighted(activations: Array, channel_weights: Array) -> Array:
    maps: Array = np.einsum("nhwc,nkc->nkhw", activations, channel_weights)
    return maps


def _first_component(square: Array, start: Array) -> Array:
    """Gives the unit vectors (N, size, 1) of the largest eigenvalue of positive matrices (N, size, size)."""
    component = start
    for _ in range(_POWER_ITERATIONS):
        component = square @ component
        component = _divide(component, _norm(component))
    return component


def _norm(vectors: Array) -> Array:
    squares: Array = np.square(vectors).sum(axis=1, keepdims=True)
    return np.sqrt(squares)


def _divide(numerator: Array, denominator: Array) -> Array:
    """Divides; by zero it gives zero."""
    quotient = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape), np.float32)
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0.0)


METHODS: Final[dict[Method, MapOf]] = {
    "gradcam": grad_cam,
    "hirescam": hires_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "layercam-fused": layer_cam,
    "eigencam": eigen_cam,
}
