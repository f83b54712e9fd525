"""Finds heads that are linear behind the mean over the places, and multiplies them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from live_cam.models.linear_head import Array, LinearHead
from live_cam.models.openvino_files.graph import Graph, Node, Output, constant

# They leave a vector as it is. Rounding has no gradient of its own; it counts as the identity, as in training.
_SAME: Final = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "Convert", "FakeQuantize")
_ELEMENTWISE: Final[dict[str, Callable[[Array, Array], Array]]] = {
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Divide": np.divide,
}


def find_linear_head(graph: Graph, pooled: Output, raw_logits: Output, channels: int) -> LinearHead | None:
    """Returns the head between the mean over the places and the logits if it is linear, else None."""
    chain = graph.between(pooled, raw_logits)
    return _fold(graph, chain, channels) if all(len(graph.sources(node)) == 1 for node in chain) else None


def _fold(graph: Graph, chain: Sequence[Node], channels: int) -> LinearHead | None:
    """Multiplies the operations of a chain out; None if one is not affine."""
    factors, bias = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    weights: Array | None = None  # the identity, until there is a matrix
    for node in chain:
        kind = node.get_type_name()
        if kind in _SAME:
            continue
        if kind == "Negative":
            factors, bias, weights = -factors, -bias, None if weights is None else -weights
            continue
        if graph.sources(node)[0].get_node().get_name() != node.input_value(0).get_node().get_name():
            if kind not in ("Add", "Multiply"):
                return None
            operand = constant(node.input_value(0))
        elif len(node.input_values()) == 2:
            operand = constant(node.input_value(1))
        else:
            return None
        if kind in _ELEMENTWISE:
            if operand.size not in (1, len(bias)):
                return None
            apply, operand = _ELEMENTWISE[kind], operand.ravel()
            bias = apply(bias, operand)
            if kind in ("Add", "Subtract"):
                continue
            if weights is None:
                factors = apply(factors, operand)
            else:
                weights = apply(weights, operand)
            continue
        matrix = _matrix(node, kind, operand, len(bias))
        if matrix is None:
            return None
        weights = factors[:, np.newaxis] * matrix if weights is None else weights @ matrix
        bias = bias @ matrix
    return LinearHead(np.diag(factors) if weights is None else weights, bias)


def _matrix(node: Node, kind: str, operand: Array, inputs: int) -> Array | None:
    """Returns the weights (inputs, outputs) of a dense layer, which a 1x1 convolution of one place is, too."""
    matrix: Array | None = None
    if kind == "MatMul" and operand.ndim == 2 and not node.get_attributes()["transpose_a"]:
        matrix = operand.T if node.get_attributes()["transpose_b"] else operand
    elif kind == "Convolution" and operand.shape[2:] == (1, 1):
        matrix = operand[:, :, 0, 0].T
    return matrix if matrix is not None and len(matrix) == inputs else None
