"""Options of `annotate` and `explain` that choose what is explained: a class, one over another, what lowers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from live_cam.cli.options import ExplainerOptions
from live_cam.errors import UsageError
from live_cam.models.labels import find_label
from live_cam.types import CLASSLESS_METHODS, Target

ContrastOption = Annotated[
    str | None, typer.Option("--contrast", metavar="LABEL", help="Explain why the class and not this one.")
]
CounterfactualOption = Annotated[
    bool, typer.Option("--counterfactual", help="Explain what speaks against the class (counterfactual map).")
]


def check_target(label: str | None, contrast: str | None, counterfactual: bool, options: ExplainerOptions) -> None:
    """Checks the options of a target, as far as that can be done before the model is opened.

    Raises:
        UnknownLabelError: No class of the default model has such a label.
        UsageError: The method is classless, or two modes are combined.
    """
    method = options.method
    if method in CLASSLESS_METHODS and (label is not None or contrast is not None or counterfactual):
        raise UsageError(f"{method} is classless; leave out --target, --contrast and --counterfactual")
    if contrast is not None and counterfactual:
        raise UsageError("--contrast and --counterfactual exclude each other; leave one out")
    if options.known_labels is not None:
        parse_target(label, contrast, counterfactual, options.known_labels)


def parse_target(label: str | None, contrast: str | None, counterfactual: bool, labels: Sequence[str]) -> Target:
    """Returns the target that the options of a command select among the classes of a model.

    Raises:
        UnknownLabelError: No class has such a label.
        UsageError: The class is its own contrast.
    """
    target = Target(
        None if label is None else find_label(label, labels),
        None if contrast is None else find_label(contrast, labels),
        counterfactual,
    )
    if target.index is not None and target.index == target.contrast:
        raise UsageError(f"--target and --contrast are the same class, {label!r}; give two different ones")
    return target
