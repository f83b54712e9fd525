"""The compiled step: frames in, saliency maps and logits out, one call a frame."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from live_cam.explain.methods import METHODS
from live_cam.explain.network import INPUT_PX, activation
from live_cam.frame import Score

_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


class TensorFlowStep:
    """`targets . logits` explained at one layer, compiled once for each (N, K) in use.

    The frame size is left open in the signature, so that a camera that changes size costs no new trace.

    Attributes:
        classes: The number of logits.
        trace_count: How many times Python built a graph; it stays put from the second call of an (N, K) on.
    """

    def __init__(self, network: Any, layer: str, method: str = "gradcam", score: Score = "logit") -> None:
        """Prepares the step; the graph is built by the first call.

        Raises:
            UnknownLayerError: The network has no activation of that name.
        """
        self.classes: int = network.output.shape[-1]
        self.trace_count = 0
        self._both = keras.Model(network.input, [activation(network, layer), network.output])
        self._method = METHODS[method]
        self._score: Score = score
        self._compiled: dict[tuple[int, int], Any] = {}

    def __call__(
        self, frames: NDArray[np.uint8], targets: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame once for each of its targets.

        Args:
            frames: uint8 (N, H, W, 3), RGB, any size.
            targets: float32 (N, K, classes); a row of zeros asks for the likeliest class.

        Returns:
            Maps float32 (N, K, h, w), rectified and not normalised, and logits float32 (N, classes).
        """
        size = targets.shape[:2]
        if size not in self._compiled:
            self._compiled[size] = self._compile(*size)
        maps, logits = self._compiled[size](frames, targets)
        return maps.numpy(), logits.numpy()

    def concrete(self, frames_n: int, targets_k: int) -> Any:
        """Gives the traced function for N frames and K targets, for a converter."""
        return self._compile(frames_n, targets_k).get_concrete_function()

    def _compile(self, frames_n: int, targets_k: int) -> Any:
        signature = [
            tf.TensorSpec([frames_n, None, None, 3], tf.uint8),
            tf.TensorSpec([frames_n, targets_k, self.classes], tf.float32),
        ]

        @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
        def step(frames: Any, targets: Any) -> Any:
            self.trace_count += 1  # runs when Python traces, not when the graph runs
            activations, logits = self._both(preprocess(frames), training=False)
            likeliest = tf.one_hot(tf.argmax(logits, axis=-1), self.classes)[:, tf.newaxis]
            asked = tf.reduce_any(targets != 0, axis=-1, keepdims=True)
            outputs = logits if self._score == "logit" else tf.nn.softmax(logits)
            questions = tf.unstack(tf.where(asked, targets, likeliest), axis=1)
            # Symbolic gradients differentiate only what lies between the activation and the score.
            gradients = [tf.gradients(tf.reduce_sum(q * outputs), activations)[0] for q in questions]
            maps = tf.stack([self._method(activations, gradient) for gradient in gradients], axis=1)
            return tf.nn.relu(maps), logits

        return step


def preprocess(frames: Any) -> Any:
    """Brings frames to what ResNet50 was trained on: the whole picture at 224x224, BGR, the mean subtracted.

    Large frames are averaged by a whole factor before the bilinear resize, which alone would skip pixels and let
    sensor noise through.

    Args:
        frames: uint8 (N, H, W, 3), RGB.

    Returns:
        float32 (N, 224, 224, 3).
    """
    shape = tf.shape(frames)
    factor = tf.maximum(1, tf.minimum(shape[1], shape[2]) // INPUT_PX)
    height, width = shape[1] // factor, shape[2] // factor
    cropped = tf.cast(frames[:, : height * factor, : width * factor], tf.float32)
    blocks = tf.reshape(cropped, tf.stack([shape[0], height, factor, width, factor, 3]))
    resized = tf.image.resize(tf.reduce_mean(blocks, axis=(2, 4)), (INPUT_PX, INPUT_PX))
    return resized[..., ::-1] - tf.constant(_CAFFE_MEAN_BGR)
