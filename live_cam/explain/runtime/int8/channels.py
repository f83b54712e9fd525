"""Channels that can be scaled together without a change of what the network computes.

A ReLU network computes the same if a channel is divided by some number where it is written, and the kernels that read
it are multiplied by it. One range then fits all channels (Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019, section 4.1; here along residual streams, too).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset14 as ops

from live_cam.explain.runtime.int8.convolutions import (
    Convolution,
    constant,
    find_convolutions,
    forward_nodes,
    known,
    place,
)

Scales = Mapping[str, NDArray[np.float32]]
"""What the channels of a group are divided by, by the group's name."""

_HOMOGENEOUS: Final = ("Relu", "MaxPool", "Pad", "Add")
"""Operations that return a multiple if all their inputs are multiplied by a positive number."""


class ChannelGroups:
    """The tensors of a model whose channels have to be scaled alike, named by a convolution that writes them.

    Attributes:
        convolutions: The convolutions of the model.
    """

    def __init__(self, model: ov.Model) -> None:
        """Finds the groups of a step as it was converted."""
        self._parents: dict[tuple[str, int], tuple[str, int]] = {}
        self._activation = _activation(model)
        self.convolutions = find_convolutions(model)
        fixed = {self._find(each) for each in self._join(model)}
        self._names: dict[tuple[str, int], str] = {}
        for convolution in self.convolutions:
            root = self._find(place(convolution.output))
            if root not in fixed:
                self._names.setdefault(root, convolution.key)

    def read_by(self, convolution: Convolution) -> str | None:
        """Returns the group of what a convolution reads; None if its scale is fixed."""
        return self._names.get(self._find(place(convolution.source.get_source_output())))

    def written_by(self, convolution: Convolution) -> str | None:
        """Returns the group of what a convolution writes; None if its scale is fixed."""
        return self._names.get(self._find(place(convolution.output)))

    def scale(self, model: ov.Model, scales: Scales) -> None:
        """Scales the channels of a model by groups; what it computes stays the same, up to rounding.

        Args:
            model: The model of which these are the groups.
            scales: For each group float32 (channels,).
        """
        for convolution in self.convolutions:
            read, written = self.read_by(convolution), self.written_by(convolution)
            kernel = convolution.kernel.astype(np.float64)
            if read is not None:
                kernel *= scales[read].reshape(1, -1, 1, 1)
            if written is not None:
                kernel /= scales[written].reshape(-1, 1, 1, 1)
                if convolution.bias is not None:
                    bias = known(convolution.bias.get_source_output())
                    _replace(convolution.bias, bias / scales[written].reshape(1, -1, 1, 1))
            _replace(convolution.node.input(1), kernel)
        if (name := self._names.get(self._find(place(self._activation)))) is not None:
            readers = self._activation.get_target_inputs()
            unscaled = ops.multiply(self._activation, ops.constant(scales[name].reshape(1, -1, 1, 1)))
            for reader in readers:
                reader.replace_source_output(unscaled.output(0))
        model.validate_nodes_and_infer_types()

    def _join(self, model: ov.Model) -> list[tuple[str, int]]:
        """Joins tensors that have one scale; returns those with a scale that can't be changed."""
        nodes = forward_nodes(model)
        names = {node.get_friendly_name() for node in nodes}
        fixed = []
        for node in nodes:
            computed = [value for value in node.input_values() if constant(value) is None]
            tensors = [place(value) for value in (*computed, *node.outputs())]
            if node.get_type_name() in _HOMOGENEOUS:
                for other in tensors[1:]:
                    self._parents[self._find(other)] = self._find(tensors[0])
            elif node.get_type_name() == "Convolution" and len(computed) == 1:
                pass
            elif computed and place(computed[0]) == place(self._activation):
                fixed += tensors[1:]
            else:
                fixed += tensors
            leaves = any(
                reader.get_node().get_friendly_name() not in names
                for output in node.outputs()
                for reader in output.get_target_inputs()
            )
            if leaves and place(node.output(0)) != place(self._activation):
                fixed += [place(output) for output in node.outputs()]
        return fixed

    def _find(self, tensor: tuple[str, int]) -> tuple[str, int]:
        while (parent := self._parents.get(tensor, tensor)) != tensor:
            tensor = parent
        return tensor


def _activation(model: ov.Model) -> Any:
    """Returns the explained activation, before the transposition that outputs have."""
    output = model.outputs[0].get_node().input_value(0)
    while output.get_node().get_type_name() in ("Transpose", "Convert"):
        output = output.get_node().input_value(0)
    return output


def _replace(reader: Any, values: NDArray[Any]) -> None:
    reader.replace_source_output(ops.constant(values.astype(np.float32)).output(0))
