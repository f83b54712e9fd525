"""Passes of the step that explain targets, some of which are only known after a pass of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.batching import explain_batched
from live_cam.explain.runtime.select import Step
from live_cam.explain.saliency.targets import target_vector
from live_cam.types import Method, Target


def explain_targets(
    step: Step, rgb: Sequence[NDArray[np.uint8]], targets: Sequence[Sequence[Target]], method: Method
) -> tuple[Sequence[Sequence[Target]], NDArray[np.float32], NDArray[np.float32], list[float]]:
    """Explains each frame for its own K targets.

    Returns:
        The targets, where those that are more than the top class have their classes; the maps float32 (N, K, h, w); the
        logits float32 (N, classes); and the peak of each top class's map, which is 0 where nothing is compared with it.
    """
    resolved, references = _resolve_top(step, rgb, targets, method)
    vectors = np.array([[target_vector(target, step.classes) for target in row] for row in resolved])
    maps, logits = explain_batched(step, rgb, vectors, method)
    return resolved, maps, logits, references


def _resolve_top(
    step: Step, rgb: Sequence[NDArray[np.uint8]], targets: Sequence[Sequence[Target]], method: Method
) -> tuple[Sequence[Sequence[Target]], list[float]]:
    """Sets the top class as `index` of contrast and counterfactual targets without one.

    That takes a pass of its own, since the gradient is that of a target whose class is known; it also finds the peak of
    the top class's map, the second result per frame, with which counterfactual maps are compared. Without such targets
    there is no such pass, and the peaks are 0.
    """
    every_target = [target for row in targets for target in row]
    if not any(each.counterfactual or (each.index is None and each.contrast is not None) for each in every_target):
        return targets, [0.0] * len(rgb)
    maps, logits = explain_batched(step, rgb, np.zeros((len(rgb), 1, step.classes), np.float32), method)
    resolved = [
        [replace(each, index=top) if each.index is None and each != Target() else each for each in row]
        for row, top in zip(targets, logits.argmax(axis=-1).tolist(), strict=True)
    ]
    return resolved, [float(of_frame.max()) for of_frame in maps]
