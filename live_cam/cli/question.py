"""From the words of a command to the question put to the network."""

from __future__ import annotations

from live_cam.errors import UsageError
from live_cam.explain.labels import find_label
from live_cam.frame import CLASSLESS_METHODS, Method, Target


def ask(target: str | None, versus: str | None, method: Method, against: bool = False) -> Target:
    """Gives the question that asks for one class, and why not for another, or what speaks against it.

    Raises:
        UnknownLabelError: There is no such class.
        UsageError: The method knows no classes, both are the same, or two questions are asked at once.
    """
    if method in CLASSLESS_METHODS and (target is not None or versus is not None or against):
        raise UsageError(f"{method} explains no class in particular; leave --target, --versus and --against out")
    if versus is not None and against:
        raise UsageError("--versus and --against ask two questions; leave one of them out")
    question = Target(
        None if target is None else find_label(target), None if versus is None else find_label(versus), against
    )
    if question.index is not None and question.index == question.versus:
        raise UsageError(f"--target and --versus are the same class, {target!r}; nothing sets it apart from itself")
    return question
