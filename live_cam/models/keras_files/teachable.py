"""What is particular about the models that Teachable Machine exports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from live_cam.errors import ModelError

TEACHABLE_PREPROCESSING: Final = "-1..1"
"""The range of pixels that its models expect, which their files do not say."""

_LABEL_FILES: Final = ("labels.txt", "class_names.txt")
_MAX_LABELS_BYTES: Final = 8 << 20


def is_teachable(config: Any) -> bool:
    """Returns whether a config is that of an image model of Teachable Machine.

    Those are a Sequential of two: a MobileNet with global average pooling, and two dense layers of which the last has
    no bias.
    """
    outer = _layers(config)
    if [layer.get("class_name") for layer in outer] != ["Sequential", "Sequential"]:
        return False
    base, head = (_layers(layer) for layer in outer)
    return (
        [layer.get("class_name") for layer in base]
        in (["Functional", "GlobalAveragePooling2D"], ["Model", "GlobalAveragePooling2D"])
        and [layer.get("class_name") for layer in head] == ["Dense", "Dense"]
        and head[0]["config"].get("activation") == "relu"
        and head[1]["config"].get("activation") == "softmax"
        and head[1]["config"].get("use_bias") is False
    )


def read_labels(folder: Path) -> tuple[str, ...] | None:
    """Reads the labels in a folder, a line each; returns None if there are none.

    Raises:
        ModelError: The file is not text in UTF-8.
    """
    path = next((folder / name for name in _LABEL_FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    if path.stat().st_size > _MAX_LABELS_BYTES:
        raise ModelError(f"{path.name} is too long for a list of labels")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(f"{path.name} is not text in UTF-8; save it as such") from error
    lines = [line.strip() for line in lines if line.strip()]
    if not lines:
        return None
    numbered = [re.fullmatch(r"(\d+)[\s:,]+(.+)", line) for line in lines]
    if all(match and int(match[1]) == index for index, match in enumerate(numbered)):
        return tuple(match[2] for match in numbered if match)
    return tuple(lines)


def _layers(config: Any) -> list[Any]:
    """Returns the layers of a Sequential, but for its input."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        return []
    return [
        layer
        for layer in layers
        if layer.get("class_name") != "InputLayer" and isinstance(layer.get("config"), dict | list)
    ]
