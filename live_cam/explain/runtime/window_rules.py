"""Operations that move a window over an image: convolutions, pools, and their gradients.

OpenVINO's own rules for the gradients are missing, or go wrong; see `convolution_grad`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from openvino import opset14 as ops

from live_cam.explain.runtime.known import known_values, number

_NHWC_TO_NCHW: Final = (0, 3, 1, 2)
_NCHW_TO_NHWC: Final = (0, 2, 3, 1)


def max_pool_grad(node: Any) -> list[Any]:
    """Passes the gradient of a max pool to the position of each window's maximum."""
    features, gradients = (ops.transpose(node.get_input(i), _NHWC_TO_NCHW) for i in (0, 2))
    kernel, strides = (list(node.get_attribute(name))[1:3] for name in ("ksize", "strides"))
    pooled = ops.max_pool(
        features,
        strides,
        [1, 1],
        [0, 0],
        [0, 0],
        kernel,
        auto_pad="same_upper" if node.get_attribute("padding") == "SAME" else "valid",
        index_element_type="i32",
        axis=2,
    )
    batch, channels, height, width = features.get_output_shape(0)
    indices, values = (ops.reshape(each, [batch, channels, -1], False) for each in (pooled.output(1), gradients))
    zeros = ops.constant(np.zeros((batch, channels, height * width), np.float32))
    scattered = ops.scatter_elements_update(zeros, indices, values, 2, reduction="sum")
    unflattened = ops.reshape(scattered, [batch, channels, height, width], False)
    return [ops.transpose(unflattened, _NCHW_TO_NHWC).output(0)]


def average_pool_grad(node: Any) -> list[Any]:
    """Spreads the gradient of an average pool over each window; padding does not count."""
    kernel, strides = (list(node.get_attribute(name))[1:3] for name in ("ksize", "strides"))
    batch, height, width, channels = known_values(node.get_input(0))
    window = _Window(node, [height, width], kernel, strides)
    ones = ops.constant(np.ones((1, 1, *kernel), np.float32))
    inside = ops.constant(np.ones((1, 1, height, width), np.float32))
    counts = ops.convolution(inside, ones, strides, window.begin, window.end, [1, 1])
    gradients = ops.transpose(node.get_input(1), _NHWC_TO_NCHW)
    one_channel = ops.reshape(gradients, [batch * channels, 1, *window.output_sizes], False)
    stretched = window.stretch(ops.divide(one_channel, counts), batch * channels, 1)
    spread = ops.convolution(stretched, ones, [1, 1], [0, 0], [0, 0], [1, 1])
    unflattened = ops.reshape(spread, [batch, channels, height, width], False)
    return [ops.transpose(unflattened, _NCHW_TO_NHWC).output(0)]


def convolution_grad(node: Any) -> list[Any]:
    """Computes the gradient of a convolution: a convolution with the flipped kernel.

    OpenVINO's own rule is a transposed convolution. In a model read from a file it shares the kernel with the forward
    pass; if the kernel has as many channels in as out, the CPU plugin of 2026.4 then confuses the memory of the two,
    and the gradients are wrong. Convolutions are also faster, unless they are strided.
    """
    kernel = node.get_input(1)  # HWIO
    gradients = ops.transpose(node.get_input(2), _NHWC_TO_NCHW)
    *sizes, channels_in, channels_out = kernel.get_shape()
    batch, *input_sizes, _ = known_values(node.get_input(0))
    window, strides, dilations = _convolution_window(node, sizes, input_sizes)
    if strides != [1, 1] and channels_in != channels_out:
        turned = ops.transpose(kernel, [3, 2, 0, 1])
        passed = ops.convolution_backprop_data(
            gradients, turned, strides, None, window.begin, window.end, dilations, output_padding=window.left_over
        )
    else:
        flipped = ops.transpose(_flip(kernel), [2, 3, 0, 1])
        stretched = window.stretch(gradients, batch, channels_out)
        passed = ops.convolution(stretched, flipped, [1, 1], [0, 0], [0, 0], dilations)
    return [ops.transpose(passed, _NCHW_TO_NHWC).output(0)]


def depthwise_convolution(node: Any) -> list[Any]:
    """Computes a depthwise convolution; OpenVINO's own rule leaves its shape open until the whole is converted."""
    features, kernel = ops.transpose(node.get_input(0), _NHWC_TO_NCHW), node.get_input(1)
    _, height, width, _ = node.get_input(0).get_shape()
    window, strides, dilations = _convolution_window(node, list(kernel.get_shape())[:2], [height, width])
    grouped = ops.unsqueeze(ops.transpose(kernel, [2, 3, 0, 1]), np.int64(2))
    convolved = ops.group_convolution(features, grouped, strides, window.begin, window.end, dilations)
    return [ops.transpose(convolved, _NCHW_TO_NHWC).output(0)]


def depthwise_convolution_grad(node: Any) -> list[Any]:
    """Computes the gradient of a depthwise convolution: one with the flipped kernel; see `convolution_grad`."""
    kernel = node.get_input(1)  # height, width, channels, outputs of each
    gradients = ops.transpose(node.get_input(2), _NHWC_TO_NCHW)
    *sizes, channels, outputs = kernel.get_shape()
    batch, *input_sizes, _ = known_values(node.get_input(0))
    window, _, dilations = _convolution_window(node, sizes, input_sizes)
    flipped = ops.unsqueeze(ops.transpose(_flip(kernel), [2, 3, 0, 1]), np.int64(1))
    stretched = window.stretch(gradients, batch, channels * outputs)
    passed = ops.group_convolution(stretched, flipped, [1, 1], [0, 0], [0, 0], dilations)
    return [ops.transpose(passed, _NCHW_TO_NHWC).output(0)]


def _flip(kernel: Any) -> Any:
    """Flips height and width, the first two axes."""
    shape = list(kernel.get_shape())
    for axis in (0, 1):
        kernel = ops.gather(kernel, ops.constant(np.arange(shape[axis])[::-1].copy()), ops.constant(axis))
    return kernel


class _Window:
    """How a window moves over an input: all lists are of height and width.

    Attributes:
        begin, end: How many places the input is padded with.
        output_sizes: How many times the window fits.
        left_over: How many places at the end of the input no window reaches.
    """

    def __init__(self, node: Any, input_sizes: list[int], reach: list[int], strides: list[int]) -> None:
        is_padded = node.get_attribute("padding") == "SAME"
        self._input_sizes, self._reach, self._strides = input_sizes, reach, strides
        self.begin, self.end, self.output_sizes, self.left_over = [], [], [], []
        for size, reached, stride in zip(input_sizes, reach, strides, strict=True):
            outputs = -(-size // stride) if is_padded else (size - reached) // stride + 1
            used = (outputs - 1) * stride + reached
            padding = max(used - size, 0)
            self.begin.append(padding // 2)
            self.end.append(padding - padding // 2)
            self.output_sizes.append(outputs)
            self.left_over.append(size + padding - used)

    def stretch(self, gradients: Any, batch: int, channels: int) -> Any:
        """Returns gradients (batch, channels, h, w) so that the flipped window leaves the sizes of the input.

        Zeros between them let it move by 1 where the window moved by its strides; then they are padded, or cut.
        """
        (height, width), (down, right) = self.output_sizes, self._strides
        if (down, right) != (1, 1):
            apart = ops.reshape(gradients, [batch, channels, height, 1, width, 1], False)
            apart = ops.pad(apart, [0] * 6, [0, 0, 0, down - 1, 0, right - 1], "constant", number(0))
            gradients = ops.reshape(apart, [batch, channels, height * down, width * right], False)
        before = [reached - 1 - padded for reached, padded in zip(self._reach, self.begin, strict=True)]
        lengths = height * down, width * right
        after = [
            size + reached - 1 - length - first
            for size, reached, length, first in zip(self._input_sizes, self._reach, lengths, before, strict=True)
        ]
        return ops.pad(gradients, [0, 0, *before], [0, 0, *after], "constant", number(0))


def _convolution_window(node: Any, sizes: list[int], input_sizes: list[int]) -> tuple[_Window, list[int], list[int]]:
    """Returns the window of a convolution with a kernel of such sizes, its strides and its dilations."""
    strides, dilations = (list(node.get_attribute(name))[1:3] for name in ("strides", "dilations"))
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    return _Window(node, input_sizes, reach, strides), strides, dilations
