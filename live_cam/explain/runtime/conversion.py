"""From a TensorFlow function to an OpenVINO model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from openvino import opset14 as ops
from openvino.frontend import FrontEndManager
from openvino.frontend.tensorflow import ConversionExtension
from openvino.frontend.tensorflow.graph_iterator import GraphIteratorTFGraph
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

_NHWC_TO_NCHW: Final = (0, 3, 1, 2)
_NCHW_TO_NHWC: Final = (0, 2, 3, 1)


def convert(function: Any) -> ov.Model:
    """Freezes and converts a concrete function, gradients included.

    Args:
        function: A `tf.ConcreteFunction`; its variables become constants, so that batch norms can be folded.
    """
    frozen = convert_variables_to_constants_v2(function)
    # The front end itself, since `openvino.convert_model` fails on Python 3.13 (2026.4 runs `del` in an `exec`).
    front_end = FrontEndManager().load_by_framework("tf")
    for operation, rule in _RULES.items():
        front_end.add_extension(ConversionExtension(operation, rule))
    graph = GraphIteratorTFGraph(frozen.graph, share_weights=True)  # a name, since the front end keeps no reference
    return front_end.convert(front_end.load(graph))


def save(model: ov.Model, path: Path) -> None:
    """Writes a model in float32.

    Args:
        model: The model.
        path: The .xml file; its .bin is written beside it.

    Raises:
        OSError: The files can't be written.
    """
    try:
        ov.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # what OpenVINO raises for a full disk
        raise OSError(str(error)) from error


def _relu_grad(node: Any) -> list[Any]:
    """Passes the gradient of a ReLU where the feature was positive."""
    gradient, feature = node.get_input(0), node.get_input(1)
    zero = ops.constant(np.float32(0))
    return [ops.select(ops.greater(feature, zero), gradient, zero).output(0)]


def _max_pool_grad(node: Any) -> list[Any]:
    """Passes the gradient of a max pool to the position of each window's maximum."""
    features, gradients = (ops.transpose(node.get_input(i), _NHWC_TO_NCHW) for i in (0, 2))
    kernel, strides = (list(node.get_attribute(name))[1:3] for name in ("ksize", "strides"))
    pooled = ops.max_pool(features, strides, [1, 1], [0, 0], [0, 0], kernel, index_element_type="i32", axis=2)
    batch, channels, height, width = features.get_output_shape(0)
    indices, values = (ops.reshape(each, [batch, channels, -1], False) for each in (pooled.output(1), gradients))
    zeros = ops.constant(np.zeros((batch, channels, height * width), np.float32))
    scattered = ops.scatter_elements_update(zeros, indices, values, 2, reduction="sum")
    unflattened = ops.reshape(scattered, [batch, channels, height, width], False)
    return [ops.transpose(unflattened, _NCHW_TO_NHWC).output(0)]


def _convolution_grad(node: Any) -> list[Any]:
    """Computes the gradient of a convolution: a convolution with the flipped kernel, or a transposed one if strided.

    OpenVINO's own rule makes all of them transposed. In a model read from a file they share the kernel with the forward
    pass; if the kernel has as many channels in as out, the CPU plugin of 2026.4 then confuses the memory of the two,
    and the gradients are wrong. Convolutions are also faster.
    """
    kernel = node.get_input(1)  # HWIO
    gradients = ops.transpose(node.get_input(2), _NHWC_TO_NCHW)
    sizes = list(kernel.get_shape())[:2]
    strides = list(node.get_attribute("strides"))[1:3]
    if strides == [1, 1]:
        flipped = kernel
        for axis, size in enumerate(sizes):
            flipped = ops.gather(flipped, ops.constant(np.arange(size)[::-1].copy()), ops.constant(axis))
        padding = [size - 1 if node.get_attribute("padding") == "VALID" else size // 2 for size in sizes]
        passed = ops.convolution(gradients, ops.transpose(flipped, [2, 3, 0, 1]), strides, padding, padding, [1, 1])
    else:
        height_and_width = ops.gather(node.get_input(0), ops.constant([1, 2]), ops.constant(0))
        passed = ops.convolution_backprop_data(
            gradients, ops.transpose(kernel, [3, 2, 0, 1]), strides, height_and_width, [0, 0], [0, 0], [1, 1]
        )
    return [ops.transpose(passed, _NCHW_TO_NHWC).output(0)]


_RULES: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "ReluGrad": _relu_grad,
    "MaxPoolGrad": _max_pool_grad,
    "Conv2DBackpropInput": _convolution_grad,
}
