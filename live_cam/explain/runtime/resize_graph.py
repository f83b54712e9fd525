"""Resizing to the network's input as a part of a TensorFlow graph, for a GPU that receives whole frames."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def resize_in_graph(frames: Any, input_px: tuple[int, int]) -> Any:
    """Resizes whole frames as `resize_to_input` does, but without rounding.

    XLA does not compile `tf.image.resize` with antialiasing, so that it is two products here.

    Args:
        frames: uint8 (N, H, W, 3).
        input_px: Height and width of the network's input.

    Returns:
        float32 (N, height, width, 3), 0..255.
    """
    (height, width), shape = input_px, tf.shape(frames)
    wide = tf.einsum("yh,nhwc->nywc", _triangle_filter(shape[1], height), tf.cast(frames, tf.float32))
    return tf.einsum("xw,nywc->nyxc", _triangle_filter(shape[2], width), wide)


def _triangle_filter(length: Any, out_length: int) -> Any:
    """Returns the weights float32 (out_length, length) of each pixel of one axis."""
    scale = tf.cast(length, tf.float32) / out_length
    centers = (tf.range(out_length, dtype=tf.float32)[:, tf.newaxis] + 0.5) * scale
    distance = tf.abs(tf.cast(tf.range(length), tf.float32) + 0.5 - centers)
    weights = tf.maximum(0.0, 1.0 - distance / tf.maximum(scale, 1.0))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
