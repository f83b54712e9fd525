"""A copy of the network for inference: batch norms folded into convolutions, in a chosen precision."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.grouped_convolution import GroupedConvolution
from live_cam.models.copy_layer import copy_layer
from live_cam.types import Precision

_POLICIES: Final[dict[Precision, str]] = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


class _Affine(keras.layers.Layer):  # type: ignore[misc]
    """A batch norm at inference that can't be folded: one factor and one offset per channel."""

    def __init__(self, axis: int, **options: Any) -> None:
        super().__init__(**options)
        self._axis = axis

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape: list[int | None] = [1] * len(input_shape)
        shape[self._axis] = input_shape[self._axis]
        self.factor = self.add_weight(shape=shape)
        self.offset = self.add_weight(shape=shape)

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor + self.offset


def fold_batch_norm(network: Any, kept: Collection[str], precision: Precision) -> Any:
    """Copies the network with each batch norm multiplied into the convolution before it.

    The layers keep their names. Those that held a batch norm pass on the output of the folded convolution, which is the
    batch norm's own output.

    Args:
        network: A `keras.Model` without nested models.
        kept: Convolutions whose output must not change; the batch norm after them is not folded.
        precision: What the copy computes in, except for its head, which stays in float32.

    Returns:
        A `keras.Model`.
    """
    norms = {layer.name: layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)}
    folded_into = {name: _foldable_source(norm, kept) for name, norm in norms.items()}
    with_norm = {source.name for source in folded_into.values() if source is not None}

    def copy(operation: Any) -> Any:
        if not isinstance(operation, keras.Layer):
            return operation
        dtype = _POLICIES[precision] if len(_output_shape(operation)) == 4 else "float32"
        if operation.name not in norms:
            bias = {"use_bias": True} if operation.name in with_norm else {}
            is_grouped = type(operation) is keras.layers.Conv2D and operation.groups > 1
            return copy_layer(operation, GroupedConvolution if is_grouped else None, **bias, dtype=dtype)
        if folded_into[operation.name] is None:
            return _Affine(operation.axis, name=operation.name, dtype=dtype)
        return keras.layers.Identity(name=operation.name, dtype=dtype)

    def call(layer: Any, *inputs: Any, mask: None = None, **options: Any) -> Any:  # noqa: ARG001
        return layer(*inputs, **options)

    folded = keras.models.clone_model(network, clone_function=copy, call_function=call)
    for layer in network.layers:
        if layer.weights and layer.name not in norms and layer.name not in with_norm:
            folded.get_layer(layer.name).set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            folded.get_layer(layer.name).finalize_state()
    for name, source in folded_into.items():
        factor, offset = _affine(norms[name])
        if source is None:
            affine = folded.get_layer(name)
            affine.set_weights([each.reshape(affine.factor.shape) for each in (factor, offset)])
        else:
            kernel, *biases = source.get_weights()
            bias = biases[0] if biases else 0.0
            by_channel = factor.reshape(kernel.shape[2:]) if _is_depthwise(source) else factor
            folded.get_layer(source.name).set_weights([kernel * by_channel, bias * factor + offset])
    return folded


def _foldable_source(norm: Any, kept: Collection[str]) -> Any:
    """Returns the convolution whose output a batch norm alone takes and scales; None if there is none."""
    source = norm.input._keras_history.operation
    is_foldable = (
        type(source) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and source.activation is keras.activations.linear
        and source.data_format == "channels_last"
        and norm.axis in (-1, 3)
        and len(source._inbound_nodes) == len(source._outbound_nodes) == 1
        and source.name not in kept
    )
    return source if is_foldable else None


def _is_depthwise(layer: Any) -> bool:
    return isinstance(layer, keras.layers.DepthwiseConv2D)


def _output_shape(layer: Any) -> tuple[int | None, ...]:
    shape: tuple[int | None, ...] = keras.tree.flatten(layer._inbound_nodes[0].output_tensors)[0].shape
    return shape


def _affine(norm: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns factor and offset of each channel, float64."""
    mean, variance = (np.asarray(each, np.float64) for each in (norm.moving_mean, norm.moving_variance))
    gamma = 1.0 if norm.gamma is None else np.asarray(norm.gamma, np.float64)
    beta = 0.0 if norm.beta is None else np.asarray(norm.beta, np.float64)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, beta - mean * factor
