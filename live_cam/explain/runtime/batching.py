"""Calls of a size that is not compiled, composed of sizes that are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.select import Step
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.targets import resolve_targets
from live_cam.types import Method


def explain_batched(
    step: Step,
    frames: Sequence[NDArray[np.uint8]],
    targets: NDArray[np.float32],
    method: Method,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Explains as one call of the step would, in several calls if its size is not compiled.

    Args:
        step: The step, compiled at least for one frame and one target.
        frames: N frames uint8 (H, W, 3), RGB.
        targets: float32 (N, K, classes); the j-th row of zeros means the j-th top class.
        method: The saliency method.

    Returns:
        Maps float32 (N, K, h, w) and logits float32 (N, classes).
    """
    batch_size, num_targets = targets.shape[:2]
    if step.is_prepared(batch_size, num_targets):
        return step(frames, targets, method)
    if num_targets > 1 and step.is_prepared(batch_size, 1):
        return _one_target_per_call(step, frames, targets, method)
    results = [
        explain_batched(step, [frame], rows[np.newaxis], method) for frame, rows in zip(frames, targets, strict=True)
    ]
    maps, logits = zip(*results, strict=True)
    return np.concatenate(maps), np.concatenate(logits)


def observe_batched(step: Step, frames: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the activations (N, h, w, channels) and the logits (N, classes) of a step with a linear head."""
    if step.is_prepared(len(frames), 1):
        return step.activations(frames)
    parts = [step.activations([frame]) for frame in frames]
    activations, logits = zip(*parts, strict=True)
    return np.concatenate(activations), np.concatenate(logits)


def linear_maps(
    linear_cam: LinearCam,
    activations: NDArray[np.float32],
    logits: NDArray[np.float32],
    targets: NDArray[np.float32],
    method: Method,
) -> NDArray[np.float32]:
    """Returns the maps (N, K, h, w) for targets (N, K, classes), of which rows of zeros mean the top classes."""
    return np.stack(
        [
            linear_cam.maps(method, activation, resolve_targets(rows, of_frame), of_frame)
            for activation, of_frame, rows in zip(activations, logits, targets, strict=True)
        ]
    )


def _one_target_per_call(
    step: Step, frames: Sequence[NDArray[np.uint8]], targets: NDArray[np.float32], method: Method
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    first, logits = step(frames, targets[:, :1], method)
    resolved = np.stack([resolve_targets(rows, of_frame) for rows, of_frame in zip(targets, logits, strict=True)])
    others = [step(frames, resolved[:, k : k + 1], method)[0] for k in range(1, targets.shape[1])]
    return np.concatenate([first, *others], axis=1), logits
