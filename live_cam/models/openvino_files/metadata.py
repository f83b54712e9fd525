"""What exporters write into a file besides the network: the names of the classes, the size of the image."""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path
from typing import Any, Final

import openvino as ov

_ONNX: Final = "framework"
"""Where OpenVINO keeps ONNX's metadata_props, also in an .xml made of an .onnx."""

_LABEL_KEYS: Final = ((_ONNX, "names"), (_ONNX, "labels"), (_ONNX, "classes"), (_ONNX, "class_names"))
_MODEL_API_LABELS: Final = ("model_info", "labels")
_MAX_CHARS: Final = 4_000_000  # 50,000 names of 80


def find_labels(model: ov.Model, path: Path, classes: int) -> tuple[str, ...] | None:
    """Returns the labels that a file holds in the order of its classes; None if there are none, or of another number.

    ONNX has them in its metadata (a Python literal as Ultralytics writes it, JSON or a comma list), OpenVINO as Model
    API writes them, TFLite in the `labels.txt` of a ZIP behind the network.
    """
    found = [_parse(_text(model, key)) for key in _LABEL_KEYS]
    found += [_text(model, _MODEL_API_LABELS).split(), _read_zip(path)]
    for names in found:
        labels = tuple(" ".join(str(name).split()) for name in names)
        if len(labels) == classes and all(labels):
            return labels
    return None


def find_size(model: ov.Model) -> tuple[int, int] | None:
    """Returns height and width of the image as Ultralytics writes them, which holds where the shape is dynamic."""
    size = _literal(_text(model, (_ONNX, "imgsz")))
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(each, int) and each > 0 for each in size)
    return (size[0], size[1]) if is_size else None


def _text(model: ov.Model, key: tuple[str, str]) -> str:
    """Returns a value of the metadata, or an empty text."""
    text = model.get_rt_info(list(key)).astype(str) if model.has_rt_info(list(key)) else ""
    return text if len(text) <= _MAX_CHARS else ""


def _parse(text: str) -> list[Any]:
    value = _literal(text)
    if isinstance(value, dict):
        by_index = {str(key): name for key, name in value.items()}
        value = [by_index.get(str(i), "") for i in range(len(by_index))]
    if value is None:
        return text.split(",")
    return value if isinstance(value, list) else []


def _literal(text: str) -> Any:
    """Returns what JSON or a Python literal stands for, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _read_zip(path: Path) -> list[str]:
    if path.suffix.lower() != ".tflite":
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(each for each in archive.namelist() if "label" in each.lower() and each.endswith(".txt"))
            with archive.open(name) as file:
                text = file.read(_MAX_CHARS + 1).decode()
    except (OSError, ValueError, RuntimeError, NotImplementedError, StopIteration, zipfile.BadZipFile):
        return []
    return text.splitlines() if len(text) <= _MAX_CHARS else []
