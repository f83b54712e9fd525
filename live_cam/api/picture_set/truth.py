"""The true classes of pictures: the names of their subfolders, or a table."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from live_cam.api.picture_set.pictures import picture_name
from live_cam.errors import UnknownLabelError, UsageError
from live_cam.models.labels import find_label

_PATH_TITLES: Final = ("path", "file", "filename", "file_name", "image", "picture")
_LABEL_TITLES: Final = ("label", "class", "class_name", "true", "truth")
_MAX_NAMED: Final = 5


def folder_labels(names: Sequence[str]) -> dict[str, str]:
    """Returns the name of the first subfolder that each picture lies in; those that lie in none are left out."""
    return {name: name.partition("/")[0] for name in names if "/" in name}


def read_truth(path: Path, folder: Path) -> dict[str, str]:
    """Reads a table of pictures and their true classes: the columns `path` and `label`, or the first two.

    Args:
        path: A CSV file in UTF-8, with commas, semicolons or tabs.
        folder: What the paths are relative to, unless they are absolute.

    Returns:
        The label of each picture, by its name.

    Raises:
        UsageError: The file can't be read or is no such table, or says two things of one picture.
    """
    try:
        text = path.read_text("utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=first.count)))
    except OSError as error:
        raise UsageError(f"the table {path} can't be read ({error.strerror}); give a CSV file") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file in UTF-8 ({error}); write two columns: path,label") from error
    path_at, label_at, start = _columns(rows[0] if rows else [])
    labels: dict[str, str] = {}
    for number, row in enumerate(rows[start:], start + 1):
        if not any(row):
            continue
        if len(row) <= max(path_at, label_at):
            raise UsageError(f"row {number} of {path} has no label; write two columns: path,label")
        name, label = picture_name(row[path_at].strip(), folder), row[label_at].strip()
        if labels.setdefault(name, label) != label:
            raise UsageError(f"row {number} of {path} gives {name} a second label; leave one of them out")
    return labels


def _columns(row: Sequence[str]) -> tuple[int, int, int]:
    """Returns the columns of path and label, and the row at which the pictures start."""
    titles = [each.strip().casefold() for each in row]
    paths = [at for at, title in enumerate(titles) if title in _PATH_TITLES]
    labels = [at for at, title in enumerate(titles) if title in _LABEL_TITLES]
    return (paths[0], labels[0], 1) if paths and labels else (0, 1, 0)


def true_classes(named: Mapping[str, str], labels: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Matches names of true classes with those of the model, as `find_label` does.

    Args:
        named: The name of the true class of each picture.
        labels: The model's.

    Returns:
        The class of each picture whose name is one, and a line for the names that are none.
    """
    known: dict[str, int] = {}
    unknown = []
    for text in sorted(set(named.values())):
        try:
            known[text] = find_label(text, labels)
        except UnknownLabelError as error:
            unknown.append((text, error))
    classes = {name: known[text] for name, text in named.items() if text in known}
    if not unknown:
        return classes, []
    pictures_n = Counter(named.values())
    lost_n = sum(pictures_n[text] for text, _ in unknown)
    if len(unknown) == 1:
        what = str(unknown[0][1])
    else:
        some = ", ".join(repr(text) for text, _ in unknown[:_MAX_NAMED])
        more = f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
        what = f"{some}{more} are no classes of the model"
    return classes, [f"{what} (counted without a true class: {lost_n} of {len(named)} pictures)"]
