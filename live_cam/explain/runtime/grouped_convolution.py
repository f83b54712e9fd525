"""Convolutions in groups without XLA, in which Keras runs them on TensorFlow and which OpenVINO can't convert."""

from __future__ import annotations

from typing import Any

import keras


class GroupedConvolution(keras.layers.Conv2D):  # type: ignore[misc]
    """A `Conv2D` that is computed group by group, or as a depthwise convolution if each channel is a group."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves a symbolic or real tensor with the kernel (height, width, channels of a group, outputs)."""
        options = {
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "data_format": self.data_format,
        }
        axis = -1 if self.data_format == "channels_last" else 1
        height, width, channels_of_group, outputs = kernel.shape
        if channels_of_group == 1:
            by_channel = keras.ops.reshape(kernel, (height, width, self.groups, outputs // self.groups))
            return keras.ops.depthwise_conv(inputs, by_channel, **options)
        parts = zip(
            keras.ops.split(inputs, self.groups, axis=axis),
            keras.ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        return keras.ops.concatenate([keras.ops.conv(*part, **options) for part in parts], axis=axis)
