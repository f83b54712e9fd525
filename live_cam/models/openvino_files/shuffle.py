"""Random weights for a graph, which knows no layers: those of its convolutions and dense layers are shuffled."""

from __future__ import annotations

from typing import Final

import numpy as np
import openvino as ov
from openvino import opset14 as ops

from live_cam.models.openvino_files.graph import Graph, constant
from live_cam.models.shuffle import shuffle

_WEIGHTED: Final = (
    "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul",
)  # fmt: skip


def shuffle_weights(model: ov.Model, seed: int) -> None:
    """Shuffles in place what the image is convolved or multiplied with, from the output back; biases stay.

    Quantised weights become floating-point ones, where the graph multiplies them with its scales anyway.
    """
    rng = np.random.default_rng(seed)
    graph = Graph(model)
    for node in reversed(model.get_ordered_ops()):
        sources = {each.get_node().get_name() for each in graph.sources(node)}
        if node.get_type_name() not in _WEIGHTED or len(sources) != 1:
            continue
        for port in node.inputs():
            weights = port.get_source_output()
            if weights.get_node().get_name() not in sources:
                shuffled = ops.constant(shuffle(constant(weights), rng), weights.get_element_type())
                port.replace_source_output(shuffled.output(0))
