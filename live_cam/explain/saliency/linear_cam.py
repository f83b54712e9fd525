"""Maps of a network whose head is linear behind the mean over the places: exact, for any targets, from one activation.

The gradient of a logit to the activation is then the same at every place: the weights of its class divided by the
number of places. So Grad-CAM is the class activation map of Zhou et al., "Learning Deep Features for Discriminative
Localization" (CVPR 2016), and no backward pass is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.methods import saliency_maps
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.linear_head import LinearHead
from live_cam.types import Head, Method, Score

Array = NDArray[np.float32]

_SUMS: Final[frozenset[Method]] = frozenset({"gradcam", "hirescam"})
"""Methods that are the same where the gradient is the same at every place: sums of activation times gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearCam:
    """A linear head, and what of it is explained.

    Attributes:
        head: The head.
        score: What is differentiated.
        activation: How probabilities follow from the logits.
    """

    head: LinearHead
    score: Score
    activation: Head

    def maps(self, method: Method, activation: Array, targets: Array, logits: Array) -> Array:
        """Returns the maps float32 (K, h, w) of one frame, rectified and not normalised.

        Args:
            method: The saliency method.
            activation: float32 (h, w, channels).
            targets: float32 (K, classes), none of zeros.
            logits: float32 (classes,).
        """
        height, width, channels = activation.shape
        if self.score == "probability":
            targets = self._to_logits(targets, probabilities(logits, self.activation).astype(np.float32))
        classes = np.flatnonzero(targets.any(axis=0))  # few of a thousand, whose weights are megabytes
        gradients = targets[:, classes] @ self.head.weights[:, classes].T / np.float32(height * width)
        if method in _SUMS:
            maps = activation.reshape(-1, channels) @ gradients.T
            return np.maximum(maps.T.reshape(-1, height, width), 0.0)
        # The mean over the places passes the same gradient on to all of them.
        everywhere = np.broadcast_to(gradients[:, np.newaxis, np.newaxis], (len(targets), height, width, channels))
        return np.asarray(saliency_maps(method, [activation[np.newaxis]], [everywhere[np.newaxis]])[0])

    def _to_logits(self, targets: Array, values: Array) -> Array:
        """Returns the gradients of `targets . probabilities` to the logits, at these probabilities."""
        if self.activation == "sigmoid":
            return np.asarray(targets * values * (1.0 - values))
        return np.asarray(values * (targets - (targets @ values)[:, np.newaxis]))
