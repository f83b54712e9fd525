"""The step as a TensorFlow graph, from frames to what the saliency methods need. Every runtime compiles this graph."""

from __future__ import annotations

from typing import Any, Final

import keras
import tensorflow as tf

from live_cam.explain.runtime.fold_batch_norm import fold_batch_norm
from live_cam.models.preprocess import INPUT_PX
from live_cam.models.resnet50 import require_activation
from live_cam.types import Precision, Score

_CAFFE_MEAN_BGR: Final = (103.939, 116.779, 123.68)

# Without it the smaller gradients would vanish in float16, whose smallest number is 6e-8.
_FLOAT16_GRADIENT_SCALE: Final = 1024.0


class StepGraph:
    """Activations of one or several layers, the gradients of `targets . logits` to them, and the logits.

    Attributes:
        classes: The number of logits.
    """

    def __init__(self, network: Any, layers: tuple[str, ...], score: Score, precision: Precision = "float32") -> None:
        """Prepares the network.

        Args:
            network: ResNet50 as `build_network` returns it.
            layers: The activations to explain, finest first.
            score: What is differentiated.
            precision: What the network computes in; its head computes in float32.

        Raises:
            UnknownLayerError: The network has no activation of that name.
        """
        for layer in layers:
            require_activation(network, layer)
        self.classes: int = network.output.shape[-1]
        folded = fold_batch_norm(network, layers, precision)
        activations = [folded.get_layer(layer).output for layer in layers]
        self._forward = folded
        self._with_activations = keras.Model(folded.input, [*activations, folded.output])
        self._score = score
        self._gradient_scale = _FLOAT16_GRADIENT_SCALE if precision == "float16" else 1.0

    def forward(self, inputs: Any) -> Any:
        """Returns the logits float32 (N, classes), without an explanation.

        Args:
            inputs: uint8 (N, 224, 224, 3), RGB.
        """
        return self._forward(_preprocess(inputs), training=False)

    def explain(self, inputs: Any, targets: Any) -> tuple[Any, ...]:
        """Runs one forward pass per input, and one backward pass per target.

        Args:
            inputs: uint8 or float32 (N, 224, 224, 3), RGB, 0..255.
            targets: float32 (N, K, classes); the j-th row of zeros means the j-th top class.

        Returns:
            The activations of each layer, float32 (N, h, w, channels); the gradients to each, float32
            (N, K, h, w, channels); and the logits, float32 (N, classes).
        """
        *activations, logits = self._with_activations(_preprocess(inputs), training=False)
        outputs = logits if self._score == "logit" else tf.nn.softmax(logits)
        # Symbolic gradients differentiate only what lies between the activations and the score.
        by_target = [
            tf.gradients(tf.reduce_sum(target * outputs) * self._gradient_scale, activations)
            for target in tf.unstack(_resolve_targets(targets, logits), axis=1)
        ]
        gradients = [tf.stack(by_layer, axis=1) for by_layer in zip(*by_target, strict=True)]
        return (
            *(tf.cast(activation, tf.float32) for activation in activations),
            *(tf.cast(gradient, tf.float32) / self._gradient_scale for gradient in gradients),
            logits,
        )

    def concrete(self, batch_size: int, num_targets: int) -> Any:
        """Traces `explain` for N inputs at 224x224 and K targets, or `forward` for K = 0.

        Returns:
            A `tf.ConcreteFunction`.
        """
        inputs = tf.TensorSpec([batch_size, INPUT_PX, INPUT_PX, 3], tf.uint8)
        targets = tf.TensorSpec([batch_size, num_targets, self.classes], tf.float32)
        if num_targets == 0:
            function = tf.function(self.forward, autograph=False).get_concrete_function(inputs)
        else:
            function = tf.function(self.explain, autograph=False).get_concrete_function(inputs, targets)
        function.step_graph = self  # a concrete function alone does not keep its variables
        return function


def _preprocess(inputs: Any) -> Any:
    """Converts RGB to what ResNet50 was trained on: BGR, the mean subtracted."""
    return tf.cast(inputs, tf.float32)[..., ::-1] - tf.constant(_CAFFE_MEAN_BGR)


def _resolve_targets(targets: Any, logits: Any) -> Any:
    """Replaces the j-th row of zeros by the j-th top class, for each input separately."""
    classes, num_targets = logits.shape[-1], targets.shape[1]
    is_given = tf.reduce_any(targets != 0, axis=-1)
    rank = tf.cumsum(tf.cast(tf.logical_not(is_given), tf.int32), axis=1, exclusive=True)
    top = tf.one_hot(tf.math.top_k(logits, k=num_targets).indices, classes)
    # A product instead of a gather, with whose batch dimension OpenVINO 2026.4 reads the wrong memory.
    by_rank = tf.matmul(tf.one_hot(rank, num_targets), top)
    return tf.where(is_given[..., tf.newaxis], targets, by_rank)
