"""From a TensorFlow function to an OpenVINO model."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset14 as ops
from openvino.frontend.tensorflow import ConversionExtension
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def convert(function: Any) -> ov.Model:
    """Freezes and converts a concrete function, gradients included.

    Args:
        function: A `tf.ConcreteFunction`; its variables become constants, so that batch norms can be folded.
    """
    frozen = convert_variables_to_constants_v2(function)
    # Freezing loses the signature, without which the converter does not know the inputs.
    frozen.graph.structured_input_signature = function.structured_input_signature
    return ov.convert_model(frozen, extension=ConversionExtension("ReluGrad", _relu_grad))


def _relu_grad(node: Any) -> list[Any]:
    """Gives the rule that OpenVINO lacks: the gradient passes where the feature was positive."""
    gradient, feature = node.get_input(0), node.get_input(1)
    zero = ops.constant(np.float32(0))
    return [ops.select(ops.greater(feature, zero), gradient, zero).output(0)]
