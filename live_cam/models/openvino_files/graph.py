"""Which values of a graph carry the image, and through which all of it passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset14 as ops

from live_cam.models.openvino_files.core import core

Output = Any
"""An output of a node, `openvino.Output`."""
Node = Any
"""A node, `openvino.Node`."""


class Graph:
    """The nodes of a model whose values depend on the image. Its shape, which is static, is not such a value."""

    def __init__(self, model: ov.Model) -> None:
        """Finds them.

        Args:
            model: A model with one input.
        """
        self._order: dict[str, int] = {}
        for position, node in enumerate(model.get_ordered_ops()):
            kind = node.get_type_name()
            if kind == "Parameter" or (kind != "ShapeOf" and self.sources(node)):
                self._order[node.get_name()] = position

    def sources(self, node: Node) -> list[Output]:
        """Returns the inputs of a node that depend on the image."""
        return [each for each in node.input_values() if each.get_node().get_name() in self._order]

    def cuts(self, output: Output) -> Iterator[Output]:
        """Yields the values through which all passes that `output` knows of the image, the last first."""
        unexplored = {self._key(output): output}
        while unexplored:
            latest = max(unexplored)
            if len(unexplored) == 1:
                yield unexplored[latest]
            node = unexplored.pop(latest).get_node()
            unexplored.update((self._key(source), source) for source in self.sources(node))

    def between(self, begin: Output, end: Output) -> list[Node]:
        """Returns the nodes after the cut `begin` up to that of `end`, in the order of computation."""
        first = self._key(begin)
        found: dict[tuple[int, int], Node] = {}
        unexplored = {self._key(end): end}
        while unexplored:
            key, output = unexplored.popitem()
            if key != first and key not in found:
                found[key] = output.get_node()
                unexplored.update((self._key(source), source) for source in self.sources(found[key]))
        return [found[key] for key in sorted(found)]

    def _key(self, output: Output) -> tuple[int, int]:
        return self._order[output.get_node().get_name()], output.get_index()


def static_shape(output: Output) -> tuple[int, ...] | None:
    """Returns the shape of a value, or None if it is dynamic."""
    shape = output.get_partial_shape()
    return tuple(shape.to_shape()) if shape.is_static else None


def constant(output: Output) -> NDArray[np.float32]:
    """Returns a value that depends on constants only, which may be quantised, as float32."""
    model = ov.Model([ops.convert(output, "f32")], [])
    return np.array(core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({})[0])


def axes(output: Output) -> list[int]:
    """Returns the integers of a constant, such as the order of a Transpose; none if it is computed."""
    node = output.get_node()
    return [int(each) for each in np.ravel(node.data)] if node.get_type_name() == "Constant" else []
