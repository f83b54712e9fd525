"""From a TensorFlow function to an OpenVINO model."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset14 as ops
from openvino.frontend import FrontEndManager
from openvino.frontend.tensorflow import ConversionExtension
from openvino.frontend.tensorflow.graph_iterator import GraphIteratorTFGraph
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def convert(function: Any) -> ov.Model:
    """Freezes and converts a concrete function, gradients included.

    Args:
        function: A `tf.ConcreteFunction`; its variables become constants, so that batch norms can be folded.
    """
    frozen = convert_variables_to_constants_v2(function)
    # The front end itself, since `openvino.convert_model` fails on Python 3.13 (2026.4 runs `del` in an `exec`).
    front_end = FrontEndManager().load_by_framework("tf")
    front_end.add_extension(ConversionExtension("ReluGrad", _relu_grad))
    graph = GraphIteratorTFGraph(frozen.graph, share_weights=True)  # named, since the front end keeps no reference
    return front_end.convert(front_end.load(graph))


def _relu_grad(node: Any) -> list[Any]:
    """Gives the rule that OpenVINO lacks: the gradient passes where the feature was positive."""
    gradient, feature = node.get_input(0), node.get_input(1)
    zero = ops.constant(np.float32(0))
    return [ops.select(ops.greater(feature, zero), gradient, zero).output(0)]
