"""Heads that average over the places and are linear behind: what each place adds to each class is known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """The logits are `mean over the places of the activation @ weights + bias`.

    Attributes:
        weights: float32 (channels, classes).
        bias: float32 (classes,).
    """

    weights: Array
    bias: Array

    def negated_and_itself(self) -> LinearHead:
        """Returns the head of the two logits (-z, z) of a head of one, z."""
        return LinearHead(np.hstack([-self.weights, self.weights]), np.hstack([-self.bias, self.bias]))

    def logits(self, pooled: Array) -> Array:
        """Returns the logits float32 (N, classes) of means over the places, float32 (N, channels)."""
        return np.asarray(pooled @ self.weights + self.bias)

    def votes(self, activation: Array) -> Array:
        """Returns what each place adds to each logit, which together are the logits less the bias.

        Zhou et al., "Learning Deep Features for Discriminative Localization" (CVPR 2016), equation 2, divided by the
        number of places.

        Args:
            activation: float32 (h, w, channels).

        Returns:
            float32 (h, w, classes).
        """
        return np.asarray(activation @ self.weights / np.float32(activation.shape[0] * activation.shape[1]))
