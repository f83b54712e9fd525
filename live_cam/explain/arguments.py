"""Checks of the explainer's arguments, so that a wrong one is an error at once and not another result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, get_args

from live_cam.errors import UsageError
from live_cam.models.classifier import Classifier
from live_cam.types import CamConfig, Frame, Method, PerformanceHint, Precision, Resize, Runtime, Score, Target

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "method": get_args(Method),
    "score": get_args(Score),
    "runtime": ("auto", *get_args(Runtime)),
    "precision": ("auto", *get_args(Precision)),
    "performance_hint": get_args(PerformanceHint),
    "resize": get_args(Resize),
}
"""The values of arguments that have few."""


def check_choices(**arguments: Any) -> None:
    """Raises `UsageError` for an argument that is none of its `CHOICES`."""
    for name, value in arguments.items():
        if value not in CHOICES[name]:
            raise UsageError(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}")


def check_layer(layer: Any, method: Method) -> None:
    """Raises `UsageError` unless a layer is a name, or None, as it is for a method that has layers of its own."""
    if layer is not None and not isinstance(layer, str):
        raise UsageError(f"layer is the name of an activation, not {layer!r}; `live-cam layers` lists them")
    if layer is not None and method == "layercam-fused":
        raise UsageError("layercam-fused explains several layers of its own choice together; omit --layer")


def check_taught_layer(layer: str | None, classifier: Classifier) -> None:
    """Raises `UsageError` for a layer at which taught classes are not explained: any but the last."""
    if layer not in (None, classifier.default_layer):
        raise UsageError(
            f"taught classes are explained at the last layer, {classifier.default_layer}; leave out --layer"
        )


def check_cam_config(cam_config: CamConfig) -> None:
    """Raises `UsageError` for a layer that is no name, or a method that does not exist."""
    check_choices(method=cam_config.method)
    check_layer(cam_config.layer, "gradcam")


def check_targets(frames: Sequence[Frame], targets: Sequence[Sequence[Target]], classes: int) -> None:
    """Checks the targets of some frames.

    Raises:
        UsageError: They are not as many as frames, or not as many for each frame; or a class does not exist.
    """
    if len(targets) != len(frames):
        raise UsageError(f"there are targets for {len(targets)} frames, not for {len(frames)}")
    counts = {len(row) for row in targets}
    if 0 in counts:
        raise UsageError("there is no target; Target() is the top class")
    if len(counts) > 1:
        raise UsageError(f"all frames need as many targets, not {' and '.join(map(str, sorted(counts)))}")
    for target in (each for row in targets for each in row):
        for index in (target.index, target.contrast):
            if index is not None and not 0 <= index < classes:
                raise UsageError(f"there is no class {index}; the classes are 0 to {classes - 1}")
        if target.contrast is not None and target.counterfactual:
            raise UsageError("a counterfactual target takes no contrast class")
