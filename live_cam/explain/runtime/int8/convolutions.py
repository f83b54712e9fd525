"""The convolutions that lead to an activation, and what surrounds them in an OpenVINO graph."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

CHANNELS: Final = 1
"""The axis of the channels of what a convolution reads and writes in OpenVINO."""

_PASSED: Final = ("MaxPool", "Pad")
_CONSTANTS: Final = ("Convert", "FakeQuantize")


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with a constant kernel.

    Attributes:
        node: The operation.
        output: What it writes, with its bias.
        bias: The input of an addition at which its bias enters; None if it has none.
    """

    node: Any
    output: Any
    bias: Any

    @property
    def key(self) -> str:
        """A digest of the kernel, which tells convolutions apart whatever the converter calls them."""
        return hashlib.sha256(self.kernel.tobytes()).hexdigest()[:16]

    @property
    def kernel(self) -> NDArray[np.float32]:
        """float32 (outputs, inputs, height, width)."""
        return np.ascontiguousarray(known(self.node.input_value(1)), np.float32)

    @property
    def source(self) -> Any:
        """The input that reads what is to be quantised: above padding and maxima, which change no range."""
        reader = self.node.input(0)
        while reader.get_source_output().get_node().get_type_name() in _PASSED:
            reader = reader.get_source_output().get_node().input(0)
        return reader


def forward_nodes(model: ov.Model) -> list[Any]:
    """Returns the operations from the pixels to the explained activation, the first output, in topological order."""
    on_path: set[str] = set()
    waiting = [model.outputs[0].get_node()]
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in on_path:
            on_path.add(node.get_friendly_name())
            waiting += [value.get_node() for value in node.input_values()]
    return [node for node in model.get_ordered_ops() if node.get_friendly_name() in on_path]


def find_convolutions(model: ov.Model) -> list[Convolution]:
    """Returns the convolutions that lead to the explained activation; those of gradients are none of them."""
    return list(_find_convolutions(model))


def _find_convolutions(model: ov.Model) -> Iterator[Convolution]:
    for node in forward_nodes(model):
        if node.get_type_name() != "Convolution" or constant(node.input_value(1)) is None:
            continue
        output, bias = node.output(0), None
        readers = list(output.get_target_inputs())
        if len(readers) == 1 and readers[0].get_node().get_type_name() == "Add":
            addition = readers[0].get_node()
            bias = next((each for each in addition.inputs() if constant(each.get_source_output()) is not None), None)
            output = output if bias is None else addition.output(0)
        yield Convolution(node, output, bias)


def constant(output: Any) -> NDArray[Any] | None:
    """Returns the values of an output that is known, None for one that is computed."""
    node = output.get_node()
    while node.get_type_name() in _CONSTANTS:
        node = node.input_value(0).get_node()
    return node.data if node.get_type_name() == "Constant" else None


def known(output: Any) -> NDArray[Any]:
    """Returns the values of an output that is known."""
    values = constant(output)
    assert values is not None
    return values


def is_sum(node: Any) -> bool:
    """Whether an operation adds two computed tensors, as at the end of a residual block."""
    return node.get_type_name() == "Add" and all(constant(value) is None for value in node.input_values())


def place(output: Any) -> tuple[str, int]:
    """Returns what identifies an output; Python's objects for one differ."""
    return output.get_node().get_friendly_name(), output.get_index()
