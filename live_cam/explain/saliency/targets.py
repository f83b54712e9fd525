"""Targets as vectors over the classes, top classes, and probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from live_cam.types import Head, Target


def target_vector(target: Target, classes: int) -> NDArray[np.float32]:
    """Returns the vector float32 (classes,) whose product with the logits is the score to explain.

    `e_A` explains class A; `e_A - e_B` explains A over its contrast class B; `-e_A` is the counterfactual of A
    (Grad-CAM paper, section 3.3); all zeros makes the step choose the top class. A with itself as contrast is `e_A`,
    since the difference would be all zeros, too.

    Raises:
        ValueError: `target.contrast` or `target.counterfactual` is set without `target.index`, since the class is not
            known yet; or both are set.
    """
    if target.contrast is not None and target.counterfactual:
        raise ValueError("a counterfactual target takes no contrast class")
    if target.index is None and target.contrast is not None:
        raise ValueError("a contrast class needs the index of the class to explain")
    if target.index is None and target.counterfactual:
        raise ValueError("a counterfactual target needs the index of its class")
    vector = np.zeros(classes, np.float32)
    if target.index is not None:
        vector[target.index] = -1.0 if target.counterfactual else 1.0
    if target.contrast is not None and target.contrast != target.index:
        vector[target.contrast] = -1.0
    return vector


def top_classes(scores: NDArray[np.floating], k: int) -> list[int]:
    """Returns the indices of the K highest of the logits or probabilities (classes,), highest first."""
    order: list[int] = np.argsort(-scores, kind="stable")[:k].tolist()
    return order


def resolve_targets(targets: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the targets (K, classes) of one frame with its j-th top class in place of the j-th row of zeros."""
    resolved = targets.copy()
    open_rows = np.flatnonzero(~targets.any(axis=1))
    for row, index in zip(open_rows, top_classes(logits, len(open_rows)), strict=False):  # no more than there are
        resolved[row, index] = 1.0
    return resolved


def probabilities(logits: NDArray[np.float32], head: Head) -> NDArray[np.float64]:
    """Returns the softmax or the sigmoid of logits float32 (..., classes): float64, same shape, without overflow."""
    values = logits.astype(np.float64)
    if head == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0.0, -values)))
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
