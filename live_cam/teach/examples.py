"""Examples of classes, by takes: what was shown in one go, whose frames are nearly the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOTHING = "nothing"
"""The class of what is there when nothing is shown; its evidence lies anywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What was shown of one class in one go.

    Attributes:
        class_index: The class.
        features: float (n, channels): the last activation of each frame, averaged over its places.
        activation: float (h, w, channels): the mean activation of the frames, from which their mean map follows.
    """

    class_index: int
    features: NDArray[np.floating]
    activation: NDArray[np.floating]

    @classmethod
    def of_frames(cls, class_index: int, activations: Sequence[NDArray[np.float32]]) -> Take:
        """Returns the take of some frames, at least one, with activations float32 (h, w, channels)."""
        every = np.stack(activations)
        return cls(class_index, every.mean(axis=(1, 2)), every.mean(axis=0))
