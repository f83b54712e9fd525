"""The names of the classes, and the class for what a person types."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from live_cam.errors import UnknownLabelError

# Of tens of thousands, comparing each with a misspelt name takes seconds.
_MAX_COMPARED = 2000


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Returns the 1000 ImageNet class names, which are distinct, in the order of the logits."""
    text = resources.files("live_cam.models").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


def find_label(text: str, labels: Sequence[str]) -> int:
    """Returns the index of the class that `text` names, by label (ignoring case and underscores) or by number.

    Raises:
        UnknownLabelError: There is no such class; the message suggests the nearest names.
    """
    if text in labels:
        return labels.index(text)
    wanted = fold_label(text.strip())
    folded = [fold_label(label) for label in labels]
    if wanted in folded:
        return folded.index(wanted)
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(labels):
        return int(wanted)
    near = [label for label in folded if wanted and wanted in label][:3]
    close = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5) if len(labels) <= _MAX_COMPARED else []
    near += [label for label in close if label not in near][: 3 - len(near)]
    candidates = ", ".join(repr(labels[folded.index(label)]) for label in near)
    hint = f"did you mean {candidates}?" if near else f"give a label, or a number from 0 to {len(labels) - 1}"
    raise UnknownLabelError(f"no class is called {text!r}; {hint}")


def fold_label(name: str) -> str:
    """Returns a label without what tells no two classes apart: case and underscores."""
    return name.replace("_", " ").casefold()
