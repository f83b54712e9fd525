"""TensorFlow operations for which OpenVINO has no rules of its own, or wrong ones: gradients above all.

A rule returns the outputs of an operation. Sizes are those of the converted step, in which every shape is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from openvino import opset14 as ops

from live_cam.explain.runtime.known import known_values, number
from live_cam.explain.runtime.resize_rules import resize_bilinear_grad, resize_nearest_grad
from live_cam.explain.runtime.window_rules import (
    average_pool_grad,
    convolution_grad,
    depthwise_convolution,
    depthwise_convolution_grad,
    max_pool_grad,
)

_SELU_SCALE: Final = 1.0507009873554805
_SELU_SCALE_ALPHA: Final = 1.7580993408473766


def _relu_grad(node: Any) -> list[Any]:
    """Passes the gradient of a ReLU where the feature was positive."""
    gradient, feature = node.get_input(0), node.get_input(1)
    return _where(ops.greater(feature, number(0)), gradient, number(0))


def _relu6_grad(node: Any) -> list[Any]:
    """Passes the gradient of a ReLU6 where the feature was between 0 and 6."""
    gradient, feature = node.get_input(0), node.get_input(1)
    passes = ops.logical_and(ops.greater(feature, number(0)), ops.less(feature, number(6)))
    return _where(passes, gradient, number(0))


def _leaky_relu_grad(node: Any) -> list[Any]:
    gradient, feature = node.get_input(0), node.get_input(1)
    smaller = ops.multiply(gradient, number(node.get_attribute("alpha")))
    return _where(ops.greater(feature, number(0)), gradient, smaller)


def _elu_grad(node: Any) -> list[Any]:
    gradient, output = node.get_input(0), node.get_input(1)
    return _where(ops.less(output, number(0)), ops.multiply(gradient, ops.add(output, number(1))), gradient)


def _selu_grad(node: Any) -> list[Any]:
    gradient, output = node.get_input(0), node.get_input(1)
    below = ops.multiply(gradient, ops.add(output, number(_SELU_SCALE_ALPHA)))
    return _where(ops.less(output, number(0)), below, ops.multiply(gradient, number(_SELU_SCALE)))


def _softplus_grad(node: Any) -> list[Any]:
    return [ops.multiply(node.get_input(0), ops.sigmoid(node.get_input(1))).output(0)]


def _softsign_grad(node: Any) -> list[Any]:
    widened = ops.add(ops.abs(node.get_input(1)), number(1))
    return [ops.divide(node.get_input(0), ops.multiply(widened, widened)).output(0)]


def _of_output(derivative: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Returns the rule of an operation whose derivative follows from its output y; TensorFlow passes y, gradient."""
    return lambda node: [ops.multiply(node.get_input(1), derivative(node.get_input(0))).output(0)]


def _bias_add_grad(node: Any) -> list[Any]:
    """Sums the gradient over all axes but that of the channels."""
    gradient = node.get_input(0)
    rank = len(gradient.get_shape())
    channels = 1 if node.get_attribute("data_format") == "NCHW" else rank - 1
    return [ops.reduce_sum(gradient, [axis for axis in range(rank) if axis != channels]).output(0)]


def _strided_slice_grad(node: Any) -> list[Any]:
    """Puts the gradient of a slice back where it was taken from, among zeros."""
    shape, begin, end, strides = (known_values(node.get_input(i)) for i in range(4))
    masks = {
        name: node.get_attribute(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    index: list[Any] = []
    for i, (first, last, stride) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << i
        if masks["ellipsis"] & bit:
            index.append(Ellipsis)
        elif masks["new_axis"] & bit:
            index.append(np.newaxis)
        elif masks["shrink_axis"] & bit:
            index.append(first)
        else:
            index.append(slice(None if masks["begin"] & bit else first, None if masks["end"] & bit else last, stride))
    places = np.arange(int(np.prod(shape))).reshape(shape)[tuple(index)].ravel()
    zeros = ops.constant(np.zeros(int(np.prod(shape)), np.float32))
    values = ops.reshape(node.get_input(4), [-1], False)
    scattered = ops.scatter_elements_update(zeros, ops.constant(places), values, 0)
    return [ops.reshape(scattered, shape, False).output(0)]


def _concat_offset(node: Any) -> list[Any]:
    """Returns where each part of a concatenation begins, from the axis and the shapes of the parts."""
    axis, *shapes = (known_values(node.get_input(i)) for i in range(node.get_input_size()))
    begin = np.zeros(len(shapes[0]), np.int32)
    outputs = []
    for shape in shapes:
        outputs.append(ops.constant(begin.copy()).output(0))
        begin[int(np.squeeze(axis))] += shape[int(np.squeeze(axis))]
    return outputs


def _slice(node: Any) -> list[Any]:
    """Cuts out a part, as the gradient of a concatenation does; OpenVINO's own rule leaves its size open."""
    tensor, begin, sizes = (node.get_input(i) for i in range(3))
    try:
        first, lengths = known_values(begin), known_values(sizes)
    except ValueError:
        return [
            ops.slice(tensor, begin, ops.add(begin, sizes), ops.constant([1] * len(tensor.get_partial_shape()))).output(
                0
            )
        ]
    whole = tensor.get_partial_shape()
    end = [
        whole[axis].get_length() if length == -1 else start + length
        for axis, (start, length) in enumerate(zip(first, lengths, strict=True))
    ]
    return [ops.slice(tensor, first, end, [1] * len(first)).output(0)]


def _tile(node: Any) -> list[Any]:
    """Repeats a tensor along axes of length 1, as the gradient of a mean does.

    OpenVINO 2026.4 moves transpositions past its own `Tile`, but not the axes of the repetition with them.
    """
    tensor, repeats = node.get_input(0), node.get_input(1)
    shape = tensor.get_partial_shape()
    if repeats.get_node().get_type_name() != "Constant" or shape.is_dynamic:
        return [ops.tile(tensor, repeats).output(0)]
    counts = known_values(repeats)
    if any(size != 1 and count != 1 for size, count in zip(shape.to_shape(), counts, strict=True)):
        return [ops.tile(tensor, repeats).output(0)]
    ones = np.ones(counts, tensor.get_element_type().to_dtype())
    return [ops.multiply(tensor, ops.constant(ones)).output(0)]


RULES: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "ReluGrad": _relu_grad,
    "Relu6Grad": _relu6_grad,
    "LeakyReluGrad": _leaky_relu_grad,
    "EluGrad": _elu_grad,
    "SeluGrad": _selu_grad,
    "SoftplusGrad": _softplus_grad,
    "SoftsignGrad": _softsign_grad,
    "SigmoidGrad": _of_output(lambda y: ops.multiply(y, ops.subtract(number(1), y))),
    "TanhGrad": _of_output(lambda y: ops.subtract(number(1), ops.multiply(y, y))),
    "RsqrtGrad": _of_output(lambda y: ops.multiply(number(-0.5), ops.power(y, number(3)))),
    "SqrtGrad": _of_output(lambda y: ops.divide(number(0.5), y)),
    "ReciprocalGrad": _of_output(lambda y: ops.negative(ops.multiply(y, y))),
    "MaxPoolGrad": max_pool_grad,
    "AvgPoolGrad": average_pool_grad,
    "DepthwiseConv2dNative": depthwise_convolution,
    "Conv2DBackpropInput": convolution_grad,
    "DepthwiseConv2dNativeBackpropInput": depthwise_convolution_grad,
    "BiasAddGrad": _bias_add_grad,
    "ResizeBilinearGrad": resize_bilinear_grad,
    "ResizeNearestNeighborGrad": resize_nearest_grad,
    "StridedSliceGrad": _strided_slice_grad,
    "ConcatOffset": _concat_offset,
    "Slice": _slice,
    "Tile": _tile,
}


def _where(condition: Any, then: Any, otherwise: Any) -> list[Any]:
    return [ops.select(condition, then, otherwise).output(0)]
