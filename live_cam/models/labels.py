"""The names of the classes, and the class for what a person types."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources

from live_cam.errors import UnknownLabelError


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Returns the 1000 ImageNet class names, which are distinct, in the order of the logits."""
    text = resources.files("live_cam.models").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


def find_label(text: str) -> int:
    """Returns the index of the class that `text` names, by name (ignoring case and underscores) or by number.

    Raises:
        UnknownLabelError: There is no such class; the message suggests the nearest names.
    """
    labels = imagenet_labels()
    wanted = text.strip().replace("_", " ").casefold()
    folded = [label.casefold() for label in labels]
    if wanted in folded:
        return folded.index(wanted)
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(labels):
        return int(wanted)
    near = [label for label in folded if wanted and wanted in label][:3]
    close = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5)
    near += [label for label in close if label not in near][: 3 - len(near)]
    hint = ", ".join(repr(labels[folded.index(label)]) for label in near) or "a name from imagenet_classes.txt"
    raise UnknownLabelError(f"no ImageNet class is called {text!r}; did you mean {hint}?")
