"""Saliency methods: each a function from activations and gradients to maps, not yet rectified.

All take `activations`, float32 (N, h, w, channels), and `gradients`, float32 of the same shape: of the score to the
activations. They give float32 (N, h, w). Below, A is an activation at place (i, j) and channel k, and g its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import tensorflow as tf

from live_cam.frame import Method

MapOf = Callable[[Any, Any], Any]

_FUSION_GAIN = 2.0
_POWER_ITERATIONS = 16


def grad_cam(activations: Any, gradients: Any) -> Any:
    """Weighs each channel by the mean of its gradient over all places.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (ICCV 2017),
    equations 1 and 2: sum_k A_ijk * mean_ij(g_ijk).
    """
    return _weighted(activations, tf.reduce_mean(gradients, axis=(1, 2)))


def hires_cam(activations: Any, gradients: Any) -> Any:
    """Multiplies each activation by its own gradient, so that only places that the score used light up.

    Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks"
    (arXiv 2011.08891, 2020), section 3: sum_k A_ijk * g_ijk.
    """
    return tf.reduce_sum(activations * gradients, axis=-1)


def grad_cam_plus_plus(activations: Any, gradients: Any) -> Any:
    """Weighs each channel by its positive gradients, those at few places as much as those at many.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks"
    (WACV 2018), equations 7 and 19: sum_k A_ijk * sum_ij(a_ijk * relu(g_ijk)) with
    a_ijk = g_ijk^2 / (2 g_ijk^2 + sum_ij(A_ijk) g_ijk^3). The paper's score is exp(logit), whose factor exp(logit) is
    common to the whole map and left out here, since it overflows.
    """
    total = tf.reduce_sum(activations, axis=(1, 2), keepdims=True)
    # Both sides of the fraction divided by g^2, which would vanish in float32.
    alpha = tf.math.divide_no_nan(1.0, 2.0 + total * gradients)
    return _weighted(activations, tf.reduce_sum(alpha * tf.nn.relu(gradients), axis=(1, 2)))


def xgrad_cam(activations: Any, gradients: Any) -> Any:
    """Weighs each channel by the mean of its gradient, each place counting by its share of the channel's activation.

    Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs" (BMVC 2020), section 3:
    sum_k A_ijk * sum_ij(A_ijk / sum_ij(A_ijk) * g_ijk).
    """
    total = tf.reduce_sum(activations, axis=(1, 2))
    return _weighted(activations, tf.math.divide_no_nan(tf.reduce_sum(activations * gradients, axis=(1, 2)), total))


def layer_cam(activations: Any, gradients: Any) -> Any:
    """Multiplies each activation by its own gradient where that is positive, which also suits layers far down.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (IEEE TIP 2021),
    section III: sum_k A_ijk * relu(g_ijk).
    """
    return tf.reduce_sum(activations * tf.nn.relu(gradients), axis=-1)


def eigen_cam(activations: Any, gradients: Any) -> Any:  # noqa: ARG001 (it asks about no class)
    """Projects the activations onto their first principal component: what the layer sees, whatever the class.

    Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components" (IJCNN 2020), section III:
    A = U S V^T, the map is A V_1. V_1 is found by power iteration; of its two signs the one is taken whose map is
    positive on the whole.
    """
    shape = tf.shape(activations)
    places = tf.reshape(activations, (shape[0], -1, activations.shape[-1]))
    component = tf.reduce_mean(places, axis=1)
    for _ in range(_POWER_ITERATIONS):
        component = tf.linalg.matvec(places, tf.linalg.matvec(places, component), transpose_a=True)
        component = tf.math.divide_no_nan(component, tf.norm(component, axis=-1, keepdims=True))
    projected = tf.reshape(tf.linalg.matvec(places, component), shape[:3])
    return tf.where(tf.reduce_sum(projected, axis=(1, 2), keepdims=True) < 0.0, -projected, projected)


def fuse(maps: Sequence[Any]) -> Any:
    """Joins the maps of several layers into one as fine as the finest.

    LayerCAM (see `layer_cam`), section III: the place-wise maximum of the maps, each divided by its maximum, those of
    the lower layers lifted by tanh(2 M / max(M)), since their values are small. The result is put back on the scale of
    the last map, so that it fades with it and a map of noise does not look like one of something.

    Args:
        maps: Rectified maps, float32 (N, h, w) each, finest first.
    """
    size = maps[0].shape[1:]
    peaks = [tf.reduce_max(each, axis=(1, 2), keepdims=True) for each in maps]
    *lower, last = (tf.math.divide_no_nan(each, peak) for each, peak in zip(maps, peaks, strict=True))
    scaled = [*(tf.tanh(_FUSION_GAIN * each) for each in lower), last]
    resized = [tf.image.resize(each[..., tf.newaxis], size)[..., 0] for each in scaled]
    return tf.reduce_max(tf.stack(resized), axis=0) * peaks[-1]


def _weighted(activations: Any, channel_weights: Any) -> Any:
    return tf.einsum("nhwc,nc->nhw", activations, channel_weights)


METHODS: Final[dict[Method, MapOf]] = {
    "gradcam": grad_cam,
    "hirescam": hires_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "layercam-fused": layer_cam,
    "eigencam": eigen_cam,
}
