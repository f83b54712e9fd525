"""The output of a file, up to what lies before its softmax or sigmoid: the logits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset14 as ops

from live_cam.errors import ModelError
from live_cam.models.openvino_files.graph import Graph, Output, static_shape
from live_cam.types import Head

_ACTIVATIONS: Final[dict[str, Head]] = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}
# What exporters put behind it: other shapes and types, and the numbers of a quantised output.
_BEHIND: Final = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "Convert", "FakeQuantize", "Subtract", "Multiply")
_MAX_CLASSES: Final = 50_000


@dataclass(frozen=True, slots=True)
class ClassScores:
    """The logits.

    Attributes:
        raw: What is before the activation, in the file's own shape and type.
        classes: The number of classes.
        activation: What makes probabilities of the logits.
        is_single: Whether `raw` is one number that decides between two classes.
    """

    raw: Output
    classes: int
    activation: Head
    is_single: bool

    def logits(self) -> Output:
        """Returns float32 (1, classes); those of a single number z are (-z, z)."""
        flat = ops.reshape(ops.convert(self.raw, "f32"), [1, 1 if self.is_single else self.classes], False)
        if self.is_single:
            return ops.concat([ops.negative(flat), flat], 1).output(0)
        return flat.output(0)


def find_output(model: ov.Model, name: str | None, path: Path) -> Output:
    """Returns what the output named `name` receives, or the only one.

    Raises:
        ModelError: There is none of that name, or several and no name.
    """
    names = {_name(each): each for each in model.outputs}
    if name is None and len(names) == 1:
        name = next(iter(names))
    chosen = next((each for each in model.outputs if name in (_name(each), *each.get_names())), None)
    if chosen is None:
        found = "no output " + repr(name) if name else f"{len(names)} outputs"
        raise ModelError(f"{path} has {found}; name the one with the classes with --model-output: {', '.join(names)}")
    return chosen.get_node().input_value(0)


def find_class_scores(graph: Graph, output: Output, path: Path) -> ClassScores:
    """Finds the logits behind an output.

    Raises:
        ModelError: It is no list of scores, one for each class.
    """
    raw, activation = _before_activation(graph, output)
    kind = raw.get_element_type()
    shape = static_shape(raw)
    if shape is None or sum(length > 1 for length in shape) > 1:
        raise ModelError(
            f"{path} puts out {raw.get_partial_shape()}, not one score for each class, as detectors and segmenters do; "
            "give a classifier"
        )
    classes = int(np.prod(shape))
    if not kind.is_real():
        raise ModelError(f"{path} puts out the number of a class ({kind.get_type_name()}); export its scores instead")
    is_single = classes == 1
    if is_single and activation != "sigmoid":
        raise ModelError(f"{path} puts out one number without a sigmoid, not classes; give a classifier")
    if classes > _MAX_CLASSES:
        raise ModelError(f"{path} has {classes} classes; at most {_MAX_CLASSES} are explained")
    return ClassScores(raw, 2 if is_single else classes, activation or "softmax", is_single)


def _before_activation(graph: Graph, output: Output) -> tuple[Output, Head | None]:
    """Returns what the last softmax or sigmoid receives, or where there is none, the output before its rounding."""
    rounded = output
    while True:
        node = output.get_node()
        kind = node.get_type_name()
        sources = graph.sources(node)
        if kind in _ACTIVATIONS:
            return sources[0], _ACTIVATIONS[kind]
        if kind not in _BEHIND or len(sources) != 1:
            return rounded, None
        output = sources[0]
        if kind == "FakeQuantize":
            rounded = output


def _name(output: Output) -> str:
    names = sorted(output.get_names(), key=lambda name: (len(name), name))
    return str(names[0] if names else output.get_node().input_value(0).get_node().get_friendly_name())
