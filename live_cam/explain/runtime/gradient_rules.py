"""How OpenVINO computes the gradients of TensorFlow's operations, for which it has no rules of its own.

A rule returns the outputs of an operation. Sizes are those of the converted step, in which every shape is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from openvino import opset14 as ops

_NHWC_TO_NCHW: Final = (0, 3, 1, 2)
_NCHW_TO_NHWC: Final = (0, 2, 3, 1)
_SELU_SCALE: Final = 1.0507009873554805
_SELU_SCALE_ALPHA: Final = 1.7580993408473766


def _relu_grad(node: Any) -> list[Any]:
    """Passes the gradient of a ReLU where the feature was positive."""
    gradient, feature = node.get_input(0), node.get_input(1)
    return _where(ops.greater(feature, _number(0)), gradient, _number(0))


def _relu6_grad(node: Any) -> list[Any]:
    """Passes the gradient of a ReLU6 where the feature was between 0 and 6."""
    gradient, feature = node.get_input(0), node.get_input(1)
    passes = ops.logical_and(ops.greater(feature, _number(0)), ops.less(feature, _number(6)))
    return _where(passes, gradient, _number(0))


def _leaky_relu_grad(node: Any) -> list[Any]:
    gradient, feature = node.get_input(0), node.get_input(1)
    smaller = ops.multiply(gradient, _number(node.get_attribute("alpha")))
    return _where(ops.greater(feature, _number(0)), gradient, smaller)


def _elu_grad(node: Any) -> list[Any]:
    gradient, output = node.get_input(0), node.get_input(1)
    return _where(ops.less(output, _number(0)), ops.multiply(gradient, ops.add(output, _number(1))), gradient)


def _selu_grad(node: Any) -> list[Any]:
    gradient, output = node.get_input(0), node.get_input(1)
    below = ops.multiply(gradient, ops.add(output, _number(_SELU_SCALE_ALPHA)))
    return _where(ops.less(output, _number(0)), below, ops.multiply(gradient, _number(_SELU_SCALE)))


def _softplus_grad(node: Any) -> list[Any]:
    return [ops.multiply(node.get_input(0), ops.sigmoid(node.get_input(1))).output(0)]


def _softsign_grad(node: Any) -> list[Any]:
    widened = ops.add(ops.abs(node.get_input(1)), _number(1))
    return [ops.divide(node.get_input(0), ops.multiply(widened, widened)).output(0)]


def _of_output(derivative: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Returns the rule of an operation whose derivative follows from its output y; TensorFlow passes y, gradient."""
    return lambda node: [ops.multiply(node.get_input(1), derivative(node.get_input(0))).output(0)]


def _max_pool_grad(node: Any) -> list[Any]:
    """Passes the gradient of a max pool to the position of each window's maximum."""
    features, gradients = (ops.transpose(node.get_input(i), _NHWC_TO_NCHW) for i in (0, 2))
    kernel, strides = _window(node)
    pooled = ops.max_pool(
        features,
        strides,
        [1, 1],
        [0, 0],
        [0, 0],
        kernel,
        auto_pad=_auto_pad(node),
        index_element_type="i32",
        axis=2,
    )
    batch, channels, height, width = features.get_output_shape(0)
    indices, values = (ops.reshape(each, [batch, channels, -1], False) for each in (pooled.output(1), gradients))
    zeros = ops.constant(np.zeros((batch, channels, height * width), np.float32))
    scattered = ops.scatter_elements_update(zeros, indices, values, 2, reduction="sum")
    unflattened = ops.reshape(scattered, [batch, channels, height, width], False)
    return [ops.transpose(unflattened, _NCHW_TO_NHWC).output(0)]


def _average_pool_grad(node: Any) -> list[Any]:
    """Spreads the gradient of an average pool over each window; padding does not count."""
    kernel, strides = _window(node)
    batch, *sizes, channels = _values(node.get_input(0))
    ones = ops.constant(np.ones((1, 1, *kernel), np.float32))
    inside = ops.constant(np.ones((1, 1, *sizes), np.float32))
    begin, end = _padding(node, sizes, kernel, strides)
    counts = ops.convolution(inside, ones, strides, begin, end, [1, 1])
    gradients = ops.transpose(node.get_input(1), _NHWC_TO_NCHW)
    one_channel = ops.reshape(gradients, [-1, 1, *gradients.get_output_shape(0)[2:]], False)
    spread = _stretch(ops.divide(one_channel, counts), strides)
    spread = ops.convolution(_pad(spread, kernel, begin, sizes), ones, [1, 1], [0, 0], [0, 0], [1, 1])
    unflattened = ops.reshape(spread, [batch, channels, *sizes], False)
    return [ops.transpose(unflattened, _NCHW_TO_NHWC).output(0)]


def _convolution_grad(node: Any) -> list[Any]:
    """Computes the gradient of a convolution: a convolution with the flipped kernel.

    OpenVINO's own rule is a transposed convolution. In a model read from a file it shares the kernel with the forward
    pass; if the kernel has as many channels in as out, the CPU plugin of 2026.4 then confuses the memory of the two,
    and the gradients are wrong. Convolutions are also faster, unless they are strided.
    """
    kernel = node.get_input(1)  # HWIO
    gradients = ops.transpose(node.get_input(2), _NHWC_TO_NCHW)
    *sizes, channels_in, channels_out = kernel.get_shape()
    strides, dilations = _strides_and_dilations(node)
    input_sizes = _values(node.get_input(0))[1:3]
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    begin, end = _padding(node, input_sizes, reach, strides)
    if strides != [1, 1] and channels_in != channels_out:
        turned = ops.transpose(kernel, [3, 2, 0, 1])
        passed = _transposed(gradients, turned, strides, dilations, input_sizes, reach, begin, end)
    else:
        flipped = ops.transpose(_flip(kernel), [2, 3, 0, 1])
        stretched = _pad(_stretch(gradients, strides), reach, begin, input_sizes)
        passed = ops.convolution(stretched, flipped, [1, 1], [0, 0], [0, 0], dilations)
    return [ops.transpose(passed, _NCHW_TO_NHWC).output(0)]


def _depthwise_convolution_grad(node: Any) -> list[Any]:
    """Computes the gradient of a depthwise convolution: one with the flipped kernel; see `_convolution_grad`."""
    kernel = node.get_input(1)  # height, width, channels, outputs of each
    gradients = ops.transpose(node.get_input(2), _NHWC_TO_NCHW)
    sizes, (strides, dilations) = list(kernel.get_shape())[:2], _strides_and_dilations(node)
    input_sizes = _values(node.get_input(0))[1:3]
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    begin, _ = _padding(node, input_sizes, reach, strides)
    flipped = ops.unsqueeze(ops.transpose(_flip(kernel), [2, 3, 0, 1]), np.int64(1))
    stretched = _pad(_stretch(gradients, strides), reach, begin, input_sizes)
    passed = ops.group_convolution(stretched, flipped, [1, 1], [0, 0], [0, 0], dilations)
    return [ops.transpose(passed, _NCHW_TO_NHWC).output(0)]


def _bias_add_grad(node: Any) -> list[Any]:
    """Sums the gradient over all axes but that of the channels."""
    gradient = node.get_input(0)
    rank = len(gradient.get_shape())
    channels = 1 if node.get_attribute("data_format") == "NCHW" else rank - 1
    return [ops.reduce_sum(gradient, [axis for axis in range(rank) if axis != channels]).output(0)]


def _resize_bilinear_grad(node: Any) -> list[Any]:
    return _resize_grad(node, list(node.get_input(1).get_shape())[1:3], _bilinear_weights)


def _resize_nearest_grad(node: Any) -> list[Any]:
    return _resize_grad(node, _values(node.get_input(1)), _nearest_weights)


def _resize_grad(node: Any, sizes: list[int], weigh: Callable[[int, int, bool, bool], Any]) -> list[Any]:
    """Transposes a resize, which is a product with a matrix (places, taps) along each axis."""
    gradients = ops.transpose(node.get_input(0), _NHWC_TO_NCHW)
    aligned, centred = (node.get_attribute(name) for name in ("align_corners", "half_pixel_centers"))
    rows, columns = (
        weigh(places, taps, aligned, centred).astype(np.float32)
        for places, taps in zip(list(gradients.get_output_shape(0))[2:], sizes, strict=True)
    )
    down = ops.matmul(ops.constant(rows), gradients, True, False)
    return [ops.transpose(ops.matmul(down, ops.constant(columns), False, False), _NCHW_TO_NHWC).output(0)]


def _bilinear_weights(places: int, taps: int, aligned: bool, centred: bool) -> Any:
    positions = (np.arange(places) + (0.5 if centred else 0.0)) * _scale(places, taps, aligned) - (0.5 * centred)
    return np.maximum(0.0, 1.0 - np.abs(positions.clip(0, taps - 1)[:, np.newaxis] - np.arange(taps)))


def _nearest_weights(places: int, taps: int, aligned: bool, centred: bool) -> Any:
    positions = (np.arange(places) + (0.5 if centred else 0.0)) * _scale(places, taps, aligned)
    indices = np.floor(positions + (0.5 if aligned else 0.0)).astype(int)
    return np.eye(taps)[np.minimum(indices, taps - 1)]


def _scale(places: int, taps: int, aligned: bool) -> float:
    return (taps - 1) / (places - 1) if aligned and places > 1 else taps / places


def _strided_slice_grad(node: Any) -> list[Any]:
    """Puts the gradient of a slice back where it was taken from, among zeros."""
    shape, begin, end, strides = (_values(node.get_input(i)) for i in range(4))
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
    axis, *shapes = (_values(node.get_input(i)) for i in range(node.get_input_size()))
    begin = np.zeros(len(shapes[0]), np.int32)
    outputs = []
    for shape in shapes:
        outputs.append(ops.constant(begin.copy()).output(0))
        begin[int(np.squeeze(axis))] += shape[int(np.squeeze(axis))]
    return outputs


def _slice(node: Any) -> list[Any]:
    """Cuts out a part, as the gradient of a concatenation does; OpenVINO's own rule leaves its size open."""
    tensor, (begin, sizes) = node.get_input(0), (_values(node.get_input(i)) for i in (1, 2))
    lengths = tensor.get_shape()
    end = [length if size == -1 else first + size for first, size, length in zip(begin, sizes, lengths, strict=True)]
    return [ops.slice(tensor, begin, end, [1] * len(begin)).output(0)]


def _tile(node: Any) -> list[Any]:
    """Repeats a tensor along axes of length 1, as the gradient of a mean does.

    OpenVINO 2026.4 moves transpositions past its own `Tile`, but not the axes of the repetition with them.
    """
    tensor, repeats = node.get_input(0), node.get_input(1)
    shape = tensor.get_partial_shape()
    if repeats.get_node().get_type_name() != "Constant" or shape.is_dynamic:
        return [ops.tile(tensor, repeats).output(0)]
    counts = _values(repeats)
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
    "SigmoidGrad": _of_output(lambda y: ops.multiply(y, ops.subtract(_number(1), y))),
    "TanhGrad": _of_output(lambda y: ops.subtract(_number(1), ops.multiply(y, y))),
    "RsqrtGrad": _of_output(lambda y: ops.multiply(_number(-0.5), ops.power(y, _number(3)))),
    "SqrtGrad": _of_output(lambda y: ops.divide(_number(0.5), y)),
    "ReciprocalGrad": _of_output(lambda y: ops.negative(ops.multiply(y, y))),
    "MaxPoolGrad": _max_pool_grad,
    "AvgPoolGrad": _average_pool_grad,
    "Conv2DBackpropInput": _convolution_grad,
    "DepthwiseConv2dNativeBackpropInput": _depthwise_convolution_grad,
    "BiasAddGrad": _bias_add_grad,
    "ResizeBilinearGrad": _resize_bilinear_grad,
    "ResizeNearestNeighborGrad": _resize_nearest_grad,
    "StridedSliceGrad": _strided_slice_grad,
    "ConcatOffset": _concat_offset,
    "Slice": _slice,
    "Tile": _tile,
}


def _number(value: float) -> Any:
    return ops.constant(np.float32(value))


def _where(condition: Any, then: Any, otherwise: Any) -> list[Any]:
    return [ops.select(condition, then, otherwise).output(0)]


def _values(output: Any) -> list[int]:
    """Returns the integers of a constant, or of the shape of what is known."""
    node = output.get_node()
    if node.get_type_name() == "Constant":
        return [int(each) for each in np.atleast_1d(node.get_data())]
    if node.get_type_name() == "ShapeOf":
        return list(node.input_value(0).get_shape())
    if node.get_type_name() in ("Convert", "Reshape", "Squeeze", "Unsqueeze"):
        return _values(node.input_value(0))
    if node.get_type_name() == "FloorMod":  # an axis that is counted from the last
        return [a % b for a, b in zip(*(_values(each) for each in node.input_values()), strict=True)]
    raise ValueError(f"the size of {node.get_friendly_name()} is not known")


def _flip(kernel: Any) -> Any:
    """Flips height and width, the first two axes."""
    shape = list(kernel.get_shape())
    for axis in (0, 1):
        kernel = ops.gather(kernel, ops.constant(np.arange(shape[axis])[::-1].copy()), ops.constant(axis))
    return kernel


def _window(node: Any) -> tuple[list[int], list[int]]:
    """Returns height and width of a pool's windows, and their strides."""
    kernel, strides = (list(node.get_attribute(name))[1:3] for name in ("ksize", "strides"))
    return kernel, strides


def _strides_and_dilations(node: Any) -> tuple[list[int], list[int]]:
    strides, dilations = (list(node.get_attribute(name))[1:3] for name in ("strides", "dilations"))
    return strides, dilations


def _auto_pad(node: Any) -> str:
    return "same_upper" if node.get_attribute("padding") == "SAME" else "valid"


def _padding(node: Any, sizes: list[int], reach: list[int], strides: list[int]) -> tuple[list[int], list[int]]:
    """Returns how many places the input of a window operation is padded with, before and after each axis."""
    begin, end = [], []
    for size, reached, stride in zip(sizes, reach, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + reached - size, 0)
        begin.append(total // 2 if node.get_attribute("padding") == "SAME" else 0)
        end.append(total - total // 2 if node.get_attribute("padding") == "SAME" else 0)
    return begin, end


def _stretch(gradients: Any, strides: list[int]) -> Any:
    """Puts zeros behind each row and column, so many that windows which moved by `strides` move by 1."""
    if strides == [1, 1]:
        return gradients
    shape = gradients.get_output_shape(0)
    batch, channels, height, width = shape
    apart = ops.reshape(gradients, [batch, channels, height, 1, width, 1], False)
    zeros = [0, 0, 0, strides[0] - 1, 0, strides[1] - 1]
    apart = ops.pad(apart, [0] * 6, zeros, "constant", _number(0))
    return ops.reshape(apart, [batch, channels, height * strides[0], width * strides[1]], False)


def _pad(stretched: Any, reach: list[int], begin: list[int], sizes: list[int]) -> Any:
    """Pads or cuts what `_stretch` returned, so that the flipped window leaves the sizes of the input.

    Args:
        stretched: The gradients (N, channels, h, w).
        reach: Height and width of the window.
        begin: How far the input was padded before each axis.
        sizes: Height and width of the input.
    """
    lengths = list(stretched.get_output_shape(0))[2:]
    before = [reached - 1 - padded for reached, padded in zip(reach, begin, strict=True)]
    after = [
        size + reached - 1 - length - first
        for size, reached, length, first in zip(sizes, reach, lengths, before, strict=True)
    ]
    return ops.pad(stretched, [0, 0, *before], [0, 0, *after], "constant", _number(0))


def _transposed(
    gradients: Any,
    kernel: Any,
    strides: list[int],
    dilations: list[int],
    sizes: list[int],
    reach: list[int],
    begin: list[int],
    end: list[int],
) -> Any:
    lengths = list(gradients.get_output_shape(0))[2:]
    left = [
        size - (stride * (length - 1) + reached - first - last)
        for size, stride, length, reached, first, last in zip(sizes, strides, lengths, reach, begin, end, strict=True)
    ]
    return ops.convolution_backprop_data(gradients, kernel, strides, None, begin, end, dilations, output_padding=left)
