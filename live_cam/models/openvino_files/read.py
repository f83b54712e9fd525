"""Reads a file with the front end of its suffix alone: `Core.read_model` asks all, PyTorch's and TensorFlow's too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino.frontend import FrontEndManager

from live_cam.errors import ModelError
from live_cam.models.openvino_files.graph import static_shape

SUFFIXES: Final = {".onnx": "onnx", ".xml": "ir", ".tflite": "tflite"}
"""The front end of each suffix."""

_KINDS: Final = {"onnx": "ONNX", "ir": "OpenVINO", "tflite": "TFLite", "tf": "SavedModel"}
_GRAPH: Final = "saved_model.pb"
_LACKS: Final = "No conversion rule found for operations: "
_MAX_VALUE_BYTES: Final = 1 << 31
_MAX_REASON_CHARS: Final = 200


def read_file(path: Path) -> ov.Model:
    """Reads a model from a file, or from the folder of a SavedModel, of which OpenVINO needs the graph alone.

    Raises:
        ModelError: It is no file of its kind, is damaged, or needs operations that OpenVINO lacks.
    """
    kind = "tf" if (path / _GRAPH).is_file() else SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise ModelError(f"{path} is no model of a known kind; give a file that ends in {', '.join(SUFFIXES)}")
    if kind != "tf" and not path.is_file():
        raise ModelError(f"{path} is not a file; give one that ends in {', '.join(SUFFIXES)}")
    if kind == "tflite" and not _is_tflite(path):
        raise ModelError(f"{path} is no TFLite file; export it again")
    front_end = FrontEndManager().load_by_framework(kind)
    try:
        model = front_end.convert(front_end.load(str(path)))
    except Exception as error:  # RuntimeError, and others of its own for each step
        why = reason(error)
        if why.startswith(_LACKS):
            operations = why.removeprefix(_LACKS)
            raise ModelError(f"{path} needs {operations}, which OpenVINO lacks; give a network for images") from error
        raise ModelError(f"{path} can't be read as {_KINDS[kind]} ({why}); export it again") from error
    if not model.inputs or not model.outputs:
        raise ModelError(f"{path} contains no {_KINDS[kind]} network; export it again")
    return model


def refuse_huge(model: ov.Model, path: Path) -> None:
    """Raises ModelError if a value of the graph would take gigabytes, as in a file that was made to exhaust memory."""
    for node in model.get_ordered_ops():
        for output in node.outputs():
            shape = static_shape(output)
            if shape and np.prod(shape, dtype=float) * output.get_element_type().size > _MAX_VALUE_BYTES:
                raise ModelError(
                    f"{path} computes {node.get_friendly_name()} of {'x'.join(map(str, shape))} values, too large for "
                    "a classifier; export it for smaller inputs"
                )


def _is_tflite(path: Path) -> bool:
    """Whether a file has the mark of TFLite, for whose absence OpenVINO has no words."""
    with path.open("rb") as file:
        return file.read(8)[4:] == b"TFL3"


def reason(error: Exception) -> str:
    """Returns what an error of OpenVINO says, without where in its source it was raised."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from", "Check '", "FrontEnd API"))]
    return (told or [repr(error)])[-1].rstrip(".")[:_MAX_REASON_CHARS]
