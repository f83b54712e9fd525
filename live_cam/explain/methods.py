"""Saliency methods: each a function from activations and gradients to maps, not yet rectified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

Method = Callable[[Any, Any], Any]


def grad_cam(activations: Any, gradients: Any) -> Any:
    """Weighs each channel by the mean of its gradient over all places.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (ICCV 2017),
    equations 1 and 2, without the ReLU, which the step applies for every method.

    Args:
        activations: float32 (N, h, w, channels).
        gradients: float32 (N, h, w, channels), of the score to the activations.

    Returns:
        float32 (N, h, w).
    """
    channel_weights = tf.reduce_mean(gradients, axis=(1, 2))
    return tf.einsum("nhwc,nc->nhw", activations, channel_weights)


METHODS: Final[dict[str, Method]] = {"gradcam": grad_cam}
