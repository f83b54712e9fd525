"""The step as a TensorFlow graph, from frames to what the saliency methods need. Every runtime compiles this graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import keras
import tensorflow as tf

from live_cam.explain.runtime.fold_batch_norm import fold_batch_norm
from live_cam.models.network import Network, outputs_of
from live_cam.models.preprocessing import LUMA, NONE
from live_cam.types import Head, Precision, Score

# Without it the smaller gradients would vanish in float16, whose smallest number is 6e-8.
_FLOAT16_GRADIENT_SCALE: Final = 1024.0


class StepGraph:
    """Activations of one or several layers, the gradients of `targets . logits` to them, and the logits.

    Attributes:
        classes: The number of logits.
        input_px: Height and width of the input.
    """

    def __init__(
        self, network: Network, layers: tuple[str, ...], score: Score, precision: Precision = "float32"
    ) -> None:
        """Prepares the network.

        Args:
            network: The network.
            layers: The activations to explain, finest first.
            score: What is differentiated.
            precision: What the network computes in; its head computes in float32.

        Raises:
            UnknownLayerError: The network has no activation of that name.
        """
        for layer in layers:
            network.require_activation(layer)
        self.classes = network.classes
        self.input_px = network.input_px
        self._network = network
        folded = fold_batch_norm(network.model, layers, precision)
        by_name = {operation.name: operation for operation in folded.operations}
        activations = [outputs_of(folded, by_name[layer])[0] for layer in layers]
        self._forward = folded
        self._with_activations = keras.Model(folded.input, [*activations, folded.output])
        self._score = score
        self._gradient_scale = _FLOAT16_GRADIENT_SCALE if precision == "float16" else 1.0

    def forward(self, inputs: Any) -> Any:
        """Returns the logits float32 (N, classes), without an explanation.

        Args:
            inputs: uint8 (N, H, W, 3), RGB, of the size of the input.
        """
        return tf.cast(self._forward(self._preprocess(inputs), training=False), tf.float32)

    def explain(self, inputs: Any, targets: Any) -> tuple[Any, ...]:
        """Runs one forward pass per input, and one backward pass per target.

        Args:
            inputs: uint8 or float32 (N, H, W, 3), RGB, 0..255, of the size of the input.
            targets: float32 (N, K, classes); the j-th row of zeros means the j-th top class.

        Returns:
            The activations of each layer, float32 (N, h, w, channels); the gradients to each, float32
            (N, K, h, w, channels); and the logits, float32 (N, classes).
        """
        *activations, logits = self._with_activations(self._preprocess(inputs), training=False)
        logits = tf.cast(logits, tf.float32)
        outputs = logits if self._score == "logit" else _PROBABILITIES[self._network.head](logits)
        # Symbolic gradients differentiate only what lies between the activations and the score.
        by_target = [
            tf.gradients(tf.reduce_sum(target * outputs) * self._gradient_scale, activations)
            for target in tf.unstack(_resolve_targets(targets, logits), axis=1)
        ]
        gradients = [tf.stack(by_layer, axis=1) for by_layer in zip(*by_target, strict=True)]
        if self._network.channels_first:
            activations = [tf.transpose(activation, (0, 2, 3, 1)) for activation in activations]
            gradients = [tf.transpose(gradient, (0, 1, 3, 4, 2)) for gradient in gradients]
        return (
            *(tf.cast(activation, tf.float32) for activation in activations),
            *(tf.cast(gradient, tf.float32) / self._gradient_scale for gradient in gradients),
            logits,
        )

    def concrete(self, batch_size: int, num_targets: int) -> Any:
        """Traces `explain` for N inputs and K targets, or `forward` for K = 0.

        Returns:
            A `tf.ConcreteFunction`.
        """
        inputs = tf.TensorSpec([batch_size, *self.input_px, 3], tf.uint8)
        targets = tf.TensorSpec([batch_size, num_targets, self.classes], tf.float32)
        if num_targets == 0:
            function = tf.function(self.forward, autograph=False).get_concrete_function(inputs)
        else:
            function = tf.function(self.explain, autograph=False).get_concrete_function(inputs, targets)
        function.step_graph = self  # a concrete function alone does not keep its variables
        return function

    def _preprocess(self, inputs: Any) -> Any:
        pixels, preprocessing = tf.cast(inputs, tf.float32), self._network.preprocessing
        if self._network.model.input.shape[-1] == 1:
            weighted = tf.reduce_sum(pixels * tf.constant(LUMA), axis=-1, keepdims=True)
            pixels = tf.floor((weighted + 32768.0) / 65536.0)
        if preprocessing.bgr:
            pixels = pixels[..., ::-1]
        if preprocessing.scale != NONE.scale:
            pixels = pixels * tf.constant(preprocessing.scale)
        if preprocessing.offset != NONE.offset:
            pixels = pixels + tf.constant(preprocessing.offset)
        return pixels


_PROBABILITIES: Final[dict[Head, Callable[[Any], Any]]] = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}


def _resolve_targets(targets: Any, logits: Any) -> Any:
    """Replaces the j-th row of zeros by the j-th top class, for each input separately."""
    classes, num_targets = logits.shape[-1], targets.shape[1]
    is_given = tf.reduce_any(targets != 0, axis=-1)
    rank = tf.cumsum(tf.cast(tf.logical_not(is_given), tf.int32), axis=1, exclusive=True)
    top = tf.one_hot(tf.math.top_k(logits, k=num_targets).indices, classes)
    # A product instead of a gather, with whose batch dimension OpenVINO 2026.4 reads the wrong memory.
    by_rank = tf.matmul(tf.one_hot(rank, num_targets), top)
    return tf.where(is_given[..., tf.newaxis], targets, by_rank)
