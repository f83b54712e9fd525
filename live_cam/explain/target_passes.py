"""Targets of frames, some of whose classes are only known from the logits, and their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.activation_cache import Seen
from live_cam.explain.runtime.batching import explain_batched
from live_cam.explain.runtime.select import Step
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.targets import resolve_targets, target_vector
from live_cam.types import Method, Target

Explained = tuple[Sequence[Target], NDArray[np.float32], NDArray[np.float32], float]
"""What `ExplanationBuilder.build` receives of a frame."""


def explain_linearly(cam: LinearCam, seen: Seen, targets: Sequence[Target], method: Method) -> Explained:
    """Explains a frame for its K targets, from its activation alone.

    Returns:
        The targets, where those that are more than the top class have their classes; the maps float32 (K, h, w); the
        logits float32 (classes,); and the peak of the top class's map, which is 0 where nothing is compared with it.
    """
    activation, logits = seen
    classes = len(logits)
    resolved = _with_top(targets, int(logits.argmax()))
    vectors = resolve_targets(np.array([target_vector(target, classes) for target in resolved]), logits)
    reference = 0.0
    if any(target.counterfactual for target in targets):
        top = resolve_targets(np.zeros((1, classes), np.float32), logits)
        reference = float(cam.maps(method, activation, top, logits).max())
    return resolved, cam.maps(method, activation, vectors, logits), logits, reference


def explain_targets(
    step: Step, rgb: Sequence[NDArray[np.uint8]], targets: Sequence[Sequence[Target]], method: Method
) -> list[Explained]:
    """Explains each frame for its own K targets, by gradients.

    Returns:
        For each frame what `explain_linearly` returns.
    """
    resolved, references = _resolve_top(step, rgb, targets, method)
    vectors = np.array([[target_vector(target, step.classes) for target in row] for row in resolved])
    maps, logits = explain_batched(step, rgb, vectors, method)
    return list(zip(resolved, maps, logits, references, strict=True))


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
    resolved = [_with_top(row, top) for row, top in zip(targets, logits.argmax(axis=-1).tolist(), strict=True)]
    return resolved, [float(of_frame.max()) for of_frame in maps]


def _with_top(targets: Sequence[Target], top: int) -> Sequence[Target]:
    """Returns the targets with the top class as `index` of those that are more than the top class."""
    return [replace(each, index=top) if each.index is None and each != Target() else each for each in targets]
