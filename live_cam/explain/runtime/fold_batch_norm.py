"""A copy of the network for inference: batch norms folded into convolutions, in a chosen precision."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import keras
import numpy as np

from live_cam.types import Precision

_POLICIES: Final[dict[Precision, str]] = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}
_HEAD = ("avg_pool", "predictions")


class _Affine(keras.layers.Layer):  # type: ignore[misc]
    """A batch norm at inference that can't be folded: one factor and one offset per channel."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.factor = self.add_weight(shape=input_shape[-1:])
        self.offset = self.add_weight(shape=input_shape[-1:])

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor + self.offset


def fold_batch_norm(network: Any, kept: Collection[str], precision: Precision) -> Any:
    """Copies the network with each batch norm multiplied into the convolution before it.

    The layers keep their names. Those that held a batch norm pass on the output of the folded convolution, which is the
    batch norm's own output.

    Args:
        network: A `keras.Model` in which every batch norm follows a convolution with a bias, in float32.
        kept: Convolutions whose output must not change; the batch norm after them is not folded.
        precision: What the copy computes in, except for its head, which stays in float32.

    Returns:
        A `keras.Model`.
    """
    norms = {norm.name: _source(norm) for norm in network.layers if isinstance(norm, keras.layers.BatchNormalization)}

    def copy(layer: Any) -> Any:
        dtype = "float32" if layer.name in _HEAD else _POLICIES[precision]
        if layer.name not in norms:
            return type(layer).from_config({**layer.get_config(), "dtype": dtype})
        if norms[layer.name].name in kept:
            return _Affine(name=layer.name, dtype=dtype)
        return keras.layers.Identity(name=layer.name, dtype=dtype)

    def call(layer: Any, *inputs: Any, mask: None = None, **options: Any) -> Any:  # noqa: ARG001
        return layer(*inputs, **options)

    folded = keras.models.clone_model(network, clone_function=copy, call_function=call)
    for layer in network.layers:
        if layer.weights and layer.name not in norms:
            folded.get_layer(layer.name).set_weights(layer.get_weights())
    for name, convolution in norms.items():
        factor, offset = _affine(network.get_layer(name))
        if convolution.name in kept:
            folded.get_layer(name).set_weights([factor, offset])
        else:
            kernel, bias = convolution.get_weights()
            folded.get_layer(convolution.name).set_weights([kernel * factor, bias * factor + offset])
    return folded


def _source(layer: Any) -> Any:
    """Returns the layer whose output `layer` takes."""
    return layer.input._keras_history.operation


def _affine(norm: Any) -> tuple[Any, Any]:
    gamma, beta, mean, variance = (weight.astype(np.float64) for weight in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, beta - mean * factor
