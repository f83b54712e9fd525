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
    """Returns the names of the 1000 ImageNet classes, which are distinct, in the order of the logits.

    Where ImageNet's own name means something else to most people, it is another: "ear of corn" for "ear".
    """
    return tuple(name for name, _ in _imagenet_names())


def find_label(text: str, labels: Sequence[str]) -> int:
    """Returns the index of the class that `text` names, by label (ignoring case and underscores) or by number.

    The other names that WordNet has for an ImageNet class find it, too.

    Raises:
        UnknownLabelError: There is no such class, or a name is that of several; the message suggests the nearest names.
    """
    if text in labels:
        return labels.index(text)
    wanted = _fold_case(text.strip())
    folded = [_fold_case(label) for label in labels]
    if wanted in folded:
        return folded.index(wanted)
    if (name := _renamed().get(wanted)) in folded:
        return folded.index(name)
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(labels):
        return int(wanted)
    synonymous = [folded.index(name) for name in _by_synonym().get(wanted, ()) if name in folded]
    if len(synonymous) == 1:
        return synonymous[0]
    if synonymous:
        candidates = " or ".join(repr(labels[index]) for index in synonymous)
        raise UnknownLabelError(f"several classes are called {text!r}; give {candidates}")
    near = [label for label in folded if wanted and wanted in label][:3]
    close = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5) if len(labels) <= _MAX_COMPARED else []
    near += [label for label in close if label not in near][: 3 - len(near)]
    candidates = ", ".join(repr(labels[folded.index(label)]) for label in near)
    hint = f"did you mean {candidates}?" if near else f"give a label, or a number from 0 to {len(labels) - 1}"
    raise UnknownLabelError(f"no class is called {text!r}; {hint}")


def search_names(labels: Sequence[str]) -> list[str]:
    """Returns each label by which a class can be searched: with its synonyms, if these are ImageNet's classes."""
    if tuple(labels) != imagenet_labels():
        return list(labels)
    others = ([name for name in names if name.casefold() not in label.casefold()] for label, names in _synonyms())
    return [f"{label} – {', '.join(each)}" if each else label for label, each in zip(labels, others, strict=True)]


def fold_label(name: str) -> str:
    """Returns a label without what tells no two classes apart: case, underscores, ImageNet's own name."""
    folded = _fold_case(name)
    return _renamed().get(folded, folded)


def _fold_case(name: str) -> str:
    return name.replace("_", " ").casefold()


@cache
def _renamed() -> dict[str, str]:
    """Returns the names of renamed ImageNet classes by ImageNet's own, all with their case folded."""
    return {_fold_case(own): _fold_case(name) for name, own in _imagenet_names() if own}


def _imagenet_names() -> list[tuple[str, str]]:
    """Returns the name of each ImageNet class, and ImageNet's own where it is another."""
    return [(name, own) for name, _, own in (line.partition("\t") for line in _lines("imagenet_classes.txt"))]


def _synonyms() -> list[tuple[str, list[str]]]:
    """Returns the name of each ImageNet class, and all words of its synset in WordNet."""
    synsets = (line.split(", ") for line in _lines("imagenet_synsets.txt"))
    return list(zip(imagenet_labels(), synsets, strict=True))


@cache
def _by_synonym() -> dict[str, list[str]]:
    """Returns the names of ImageNet classes by the words of their synsets, all with their case folded."""
    found: dict[str, list[str]] = {}
    for label, words in _synonyms():
        for word in dict.fromkeys(map(_fold_case, words)):
            found.setdefault(word, []).append(_fold_case(label))
    return found


def _lines(file: str) -> list[str]:
    return resources.files("live_cam.models").joinpath(file).read_text("utf-8").splitlines()
