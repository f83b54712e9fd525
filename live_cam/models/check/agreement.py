"""How far what is explained lies from what the model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.types import Precision

Array = NDArray[np.float64]

_TOLERANCE: Final = 1e-3
TOLERANCES: Final[Mapping[str, float]] = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2, "int8": 1e-2}
"""Largest difference of probabilities that rounding explains, by what is computed with.

Twice what was measured for bfloat16 and five times for float16 on 200 images and five networks (docs/models.md). A
quantised file puts out steps of 1/256.
"""


def tolerance(precision: Precision, rounding: str) -> float:
    """Returns the largest difference of probabilities that counts as agreement.

    Args:
        precision: What the step computes in.
        rounding: What the model itself computes with, a key of `TOLERANCES`.
    """
    return max(TOLERANCES[precision], TOLERANCES[rounding])


def output_probabilities(outputs: NDArray[np.float32], probes: NDArray[np.float32]) -> Array:
    """Returns the probabilities (N, classes) that a model's output (N, units) stands for.

    What the output is follows from its values, whatever is known of its layers. A single unit is the second of two
    classes.

    Args:
        outputs: What it says to images.
        probes: What it says to inputs far outside, where logits are no probabilities.
    """
    values = outputs.astype(np.float64)
    seen = np.concatenate([values, probes[np.isfinite(probes).all(axis=1)]])
    if seen.min() < -_TOLERANCE or seen.max() > 1.0 + _TOLERANCE:
        is_log = seen.max() <= _TOLERANCE and np.allclose(np.exp(seen).sum(axis=1), 1.0, atol=_TOLERANCE)
        if is_log:
            values = np.exp(values)
        elif values.shape[1] == 1:
            values = np.exp(-np.logaddexp(0.0, -values))
        else:
            values = np.exp(values - np.logaddexp.reduce(values, axis=1, keepdims=True))
    return np.hstack([1.0 - values, values]) if values.shape[1] == 1 else values
