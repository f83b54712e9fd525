"""What a model offers, whichever it is; imports no network library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Classifier:
    """A model, as far as those need to know it who explain with it and show what it says.

    Attributes:
        name: Its name in files, such as `resnet50`.
        labels: The names of the classes, in the order of the logits.
        digest: SHA-256 (hex) of its weights.
    """

    name: str
    labels: tuple[str, ...]
    digest: str
