"""The class that a program names, by label or number, as a target; checked before any image is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from live_cam.errors import UnknownLabelError, UsageError
from live_cam.models.labels import find_label
from live_cam.types import CLASSLESS_METHODS, Method, Target

ClassLike = int | str
"""A class by its number or its label."""


def resolve_target(
    target: ClassLike | Target | None, contrast: ClassLike | None, labels: Sequence[str], method: Method
) -> Target:
    """Returns the target that `target` and `contrast` name together.

    Raises:
        UnknownLabelError: There is no such class.
        UsageError: The class is its own contrast, two contrasts or modes are given, or the method is classless.
    """
    whole = target if isinstance(target, Target) else Target()
    if whole.contrast is not None and contrast is not None:
        raise UsageError("the target has a contrast class already; leave out one of both")
    resolved = Target(
        _class_index(whole.index if isinstance(target, Target) else target, labels),
        _class_index(whole.contrast if contrast is None else contrast, labels),
        whole.counterfactual,
    )
    if method in CLASSLESS_METHODS and resolved != Target():
        raise UsageError(f"{method} is classless; leave out target and contrast")
    if resolved.contrast is not None and resolved.counterfactual:
        raise UsageError("a counterfactual target takes no contrast class")
    if resolved.index is not None and resolved.index == resolved.contrast:
        raise UsageError(f"target and contrast are the same class, {labels[resolved.index]!r}; give two different ones")
    return resolved


def _class_index(given: ClassLike | None, labels: Sequence[str]) -> int | None:
    if given is None:
        return None
    if isinstance(given, str):
        return find_label(given, labels)
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise UsageError(f"a class is given by its label or its number, not by {type(given).__name__} {given!r:.60}")
    if not 0 <= given < len(labels):
        raise UnknownLabelError(f"there is no class {given}; the classes are 0 to {len(labels) - 1}")
    return int(given)
