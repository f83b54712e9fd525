"""Calls of a size that is not compiled, put together from sizes that are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtimes import Step
from live_cam.frame import Method


def explain_in_parts(
    step: Step,
    frames: Sequence[NDArray[np.uint8]],
    targets: NDArray[np.float32],
    method: Method,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Explains as one call of the step would, in several where its size is not compiled.

    Args:
        step: The step, compiled for one frame and one target at least.
        frames: N pictures uint8 (H, W, 3), RGB.
        targets: float32 (N, K, classes); the j-th row of zeros asks for the j-th likeliest class.
        method: The saliency method.

    Returns:
        Maps float32 (N, K, h, w) and logits float32 (N, classes).
    """
    frames_n, targets_k = targets.shape[:2]
    if step.is_prepared(frames_n, targets_k):
        return step(frames, targets, method)
    if targets_k > 1 and step.is_prepared(frames_n, 1):
        return _target_by_target(step, frames, targets, method)
    answers = [
        explain_in_parts(step, [frame], rows[np.newaxis], method) for frame, rows in zip(frames, targets, strict=True)
    ]
    maps, logits = zip(*answers, strict=True)
    return np.concatenate(maps), np.concatenate(logits)


def _target_by_target(
    step: Step, frames: Sequence[NDArray[np.uint8]], targets: NDArray[np.float32], method: Method
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    first, logits = step(frames, targets[:, :1], method)
    named = _name_likeliest(targets, logits)
    others = [step(frames, named[:, k : k + 1], method)[0] for k in range(1, targets.shape[1])]
    return np.concatenate([first, *others], axis=1), logits


def _name_likeliest(targets: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Puts the j-th likeliest class in place of the j-th row of zeros, for each frame by itself."""
    named = targets.copy()
    for rows, scores in zip(named, logits, strict=True):
        open_rows = np.flatnonzero(~rows.any(axis=1))
        rows[open_rows, np.argsort(-scores, kind="stable")[: len(open_rows)]] = 1.0
    return named
