"""Files that name the classes of a model, in the formats that trainers and converters write."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, Final

from live_cam.errors import UsageError
from live_cam.text import printable

MAX_CLASSES: Final = 50_000

_MAX_BYTES: Final = 10_000_000
_MAX_NAME: Final = 200
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NUMBERED: Final = re.compile(r"\s*([0-9]+)(?:\s*[:,;]\s*|\s+)(\S.*)")
_NUMBER: Final = re.compile(r"\s*[0-9]{1,9}\s*")
_NAME_HEADERS: Final = ("display_name", "class_name", "classname", "label", "labels", "name", "class")
"""What the column of the names is called, the most telling first."""

_JOINERS: Final = "\u200c\u200d"
"""Parts of emoji, and of words in some scripts, that are not printable on their own."""


def find_label_file(model: Path) -> Path | None:
    """Finds the file that names the classes of a model.

    It is the first that exists of `<model>.labels`, `labels.txt`, `class_names.txt`, `classes.txt`, `<model>.txt`,
    `class_indices.json`, `labels.json`, `labels.csv` and `<model>.json`, where `<model>` is the model's name without
    its suffix. Keras writes architectures as `<model>.json`, too; such a file is passed over.

    Args:
        model: The model's file, beside which the file lies; or its folder, in which or beside which it lies.
    """
    stem = model.stem
    texts = (f"{stem}.labels", "labels.txt", "class_names.txt", "classes.txt", f"{stem}.txt")
    names = (*texts, "class_indices.json", "labels.json", "labels.csv", f"{stem}.json")
    folders = (model, model.parent) if model.is_dir() else (model.parent,)
    for path in (folder / name for folder in folders for name in names):
        if path != model and path.is_file() and (path.name != f"{stem}.json" or _is_readable(path)):
            return path
    return None


def read_labels(path: Path) -> tuple[str, ...]:
    r"""Reads the names of a model's classes, in the order of its outputs.

    The file is text with a name on each line, each after its number or none (`Cup`, `0 Cup`, `0: Cup`, `0,Cup`); JSON:
    a list of names, an object of numbers and names or of names and numbers (Keras's `class_indices`), or Keras's
    `imagenet_class_index.json`; or, named `.csv` or `.tsv`, a table with a column of numbers and one of names, with or
    without header. Numbers are those of the classes, each once, from 0 on; lines that are not numbered so are names.

    Returns:
        Distinct names of one line. Characters that can't be shown become escapes such as `\x1b`, names of more than 200
        characters lose their end, and a name that another class has already gets a number: `crane`, `crane (2)`.

    Raises:
        UsageError: The file can't be read, names no classes, more than 50,000, or leaves one without a name.
    """
    text = _read_text(path).rstrip()
    suffix = path.suffix.casefold()
    if suffix in (".csv", ".tsv"):
        names = _from_table(path, text, "\t" if suffix == ".tsv" else None)
    elif text.lstrip().startswith(("[", "{")) and (parsed := _parse_json(path, text)) is not None:
        names = _from_json(path, parsed)
    elif suffix == ".json":
        raise UsageError(f"{path} is not JSON with labels; give a list of names, or an object of numbers and names")
    else:
        names = _from_lines(text)
    _check_number(path, len(names))
    clean = [_clean(name) for name in names]
    if not clean:
        raise UsageError(f"{path} names no classes; write one name on each line")
    if "" in clean:
        raise UsageError(f"{path} leaves class {clean.index('')} without a name; name every class, without empty lines")
    return _distinct(clean)


def _is_readable(path: Path) -> bool:
    try:
        return bool(read_labels(path))
    except UsageError:
        return False


def _check_number(path: Path, number: int) -> None:
    if number > MAX_CLASSES:
        raise UsageError(f"{path} names more than {MAX_CLASSES} classes, which is the limit")


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise UsageError(f"there is no label file {path}; give a text, JSON or CSV file")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the label file {path} can't be read ({error.strerror})") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB; give a file with labels only")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line} of {path} is not {error.encoding.upper()}; save the labels as UTF-8") from error
    if "\0" in text:
        raise UsageError(f"{path} is not text; give a text, JSON or CSV file with labels")
    return text


def _from_lines(text: str) -> list[str]:
    lines = re.split(r"\r\n|\r|\n", text) if text else []
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    rows = [(match[1], _unquoted(match[2])) for match in matches if match is not None]
    return (_in_order(rows) if len(rows) == len(lines) else None) or lines


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name


def _from_table(path: Path, text: str, delimiter: str | None) -> list[str]:
    delimiter = delimiter or max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = list(islice(reader, MAX_CLASSES + 2))
    except csv.Error as error:
        raise UsageError(f"{path} is not a table of numbers and names ({error})") from error
    _check_number(path, len(rows) - 1)  # one may be the header
    if max(map(len, rows), default=0) <= 1:
        names = ["".join(row) for row in rows]
        return names[1:] if set(_titles(names[:1])) & set(_NAME_HEADERS) else names
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UsageError(
                f"row {number} of {path} has {len(row)} columns, not {len(rows[0])}; quote names that contain commas"
            )
    header = _titles(rows[0])
    for body in (rows, rows[1:]):
        numbered = [at for at in range(len(header)) if _in_order([(row[at], "") for row in body])]
        if numbered:
            number_at = next((at for at in numbered if header[at] not in _NAME_HEADERS), numbered[0])
            name_at = _name_column(path, header, number_at)
            return _in_order([(row[number_at], row[name_at]) for row in body]) or []
    raise UsageError(f"no column of {path} numbers the classes from 0 on, each once; add one")


def _titles(row: Sequence[str]) -> list[str]:
    return [re.sub(r"\W+", "_", title.strip().casefold()) for title in row]


def _name_column(path: Path, header: Sequence[str], number_at: int) -> int:
    others = [at for at in range(len(header)) if at != number_at]
    if len(others) == 1:
        return others[0]
    for title in _NAME_HEADERS:
        if title in header and header.index(title) != number_at:
            return header.index(title)
    raise UsageError(f"{path} has {len(header)} columns; give a table of numbers and names, or call one column `name`")


def _parse_json(path: Path, text: str) -> Any:
    """Returns parsed JSON, objects as tuples of pairs so that no key gets lost; None if the text is something else."""
    try:
        return json.loads(text, object_pairs_hook=tuple)
    except ValueError:
        return None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply; give a list of names") from None


def _from_json(path: Path, parsed: Any) -> list[str]:
    if isinstance(parsed, list) and all(isinstance(name, str) for name in parsed):
        return parsed
    names = None
    if isinstance(parsed, tuple):
        keys, values = [key for key, _ in parsed], [value for _, value in parsed]
        if all(type(value) is int for value in values):
            names = _in_order(zip(map(str, values), keys, strict=True))
        elif all(isinstance(value, str) for value in values):
            names = _in_order(zip(keys, values, strict=True)) or _in_order(zip(values, keys, strict=True))
        elif all(isinstance(value, list) and [type(each) for each in value] == [str, str] for value in values):
            names = _in_order((key, name) for key, (_, name) in parsed)
    if names is None and parsed:
        raise UsageError(f"{path} is neither a list of names nor an object that numbers them from 0 on, each once")
    return names or []


def _in_order(rows: Iterable[tuple[str, str]]) -> list[str] | None:
    """Returns the names of (number, name) by number; None unless the numbers are 0 to n - 1, each once."""
    rows = list(rows)
    names = {int(number): name for number, name in rows if _NUMBER.fullmatch(number)}
    if len(names) != len(rows) or set(names) != set(range(len(rows))):
        return None
    return [names[number] for number in range(len(rows))]


def _clean(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > _MAX_NAME:
        name = f"{name[: _MAX_NAME - 1]}…"
    return "".join(each if each in _JOINERS else printable(each) for each in name)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    taken, counts, distinct = set(names), Counter[str](), []
    for name in names:
        counts[name] += 1
        unique = name
        while counts[name] > 1 and (unique := f"{name} ({counts[name]})") in taken:
            counts[name] += 1
        taken.add(unique)
        distinct.append(unique)
    return tuple(distinct)
