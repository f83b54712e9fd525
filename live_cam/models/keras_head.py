"""Finds heads of Keras networks that are linear behind the mean over the places."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np

from live_cam.models.linear_head import LinearHead
from live_cam.models.network import Network, outputs_of

_AFFINE: Final = (
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.BatchNormalization,
    keras.layers.Rescaling,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Identity,
    keras.layers.Activation,
    keras.layers.Concatenate,
)


def find_keras_head(network: Network, layers: tuple[str, ...]) -> LinearHead | None:
    """Returns the head behind a layer if that is averaged over its places and all else is linear, else None.

    Args:
        network: The network.
        layers: The name of the layer; there is no such head behind several.
    """
    if len(layers) != 1 or network.channels_first:
        return None
    model = network.model
    explained = next((each for each in model.operations if each.name == layers[0]), None)
    pooled = _find_pooled(model.output)
    if pooled is None or explained is None or _inputs(pooled)[0] is not outputs_of(model, explained)[0]:
        return None
    behind = keras.Model(pooled, model.output)
    inputs = np.vstack([np.zeros(pooled.shape[-1]), np.eye(pooled.shape[-1])]).astype(np.float32)
    bias, *rows = np.asarray(behind(inputs.reshape(-1, *pooled.shape[1:]), training=False), np.float32)
    return LinearHead(np.array(rows) - bias, bias)


def _find_pooled(output: Any) -> Any | None:
    """Returns the mean over the places that an output is linear in; None if that is not all it depends on."""
    pooled: list[Any] = []
    unexplored = [output]
    while unexplored:
        output = unexplored.pop()
        operation = output._keras_history.operation
        if isinstance(operation, keras.layers.GlobalAveragePooling2D):
            pooled.append(output)
            continue
        activation = getattr(operation, "activation", keras.activations.linear)
        is_affine = isinstance(operation, _AFFINE) or type(operation).__name__ == "Negative"
        if not is_affine or activation is not keras.activations.linear:
            return None
        unexplored += _inputs(output)
    return pooled[0] if all(each is pooled[0] for each in pooled) else None


def _inputs(output: Any) -> list[Any]:
    """Returns the tensors that an output is computed from."""
    history = output._keras_history
    return list(history.operation._inbound_nodes[history.node_index].input_tensors)
