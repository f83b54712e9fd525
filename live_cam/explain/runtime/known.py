"""Values that are known when a TensorFlow operation is converted for OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
from openvino import opset14 as ops


def number(value: float) -> Any:
    """Returns a constant float32."""
    return ops.constant(np.float32(value))


def known_values(output: Any) -> list[int]:
    """Returns the integers of a constant, or of the shape of what is known."""
    node = output.get_node()
    if node.get_type_name() == "Constant":
        return [int(each) for each in np.atleast_1d(node.get_data())]
    if node.get_type_name() == "ShapeOf":
        return list(node.input_value(0).get_shape())
    if node.get_type_name() in ("Convert", "Reshape", "Squeeze", "Unsqueeze"):
        return known_values(node.input_value(0))
    if node.get_type_name() == "FloorMod":  # an axis that is counted from the last
        return [a % b for a, b in zip(*(known_values(each) for each in node.input_values()), strict=True)]
    raise ValueError(f"the size of {node.get_friendly_name()} is not known")
