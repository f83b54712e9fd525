"""The network: Keras's ResNet50 without its softmax, filled with weights, and the activations it can be asked about."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import keras
import numpy as np

from live_cam.errors import UnknownLayerError, WeightsError
from live_cam.explain import DEFAULT_LAYER, arrays
from live_cam.explain.weights import Weights


def empty_network() -> Any:
    """Builds ResNet50 with a linear head and meaningless weights."""
    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def build_network(weights: Weights) -> Any:
    """Builds ResNet50 with a linear head and the weights given.

    Returns:
        A `keras.Model` from float32 (N, 224, 224, 3), caffe-preprocessed, to logits float32 (N, 1000).

    Raises:
        WeightsError: The weights are of another network.
    """
    network = empty_network()
    values = weights.read()
    if values is None:
        _load_keras_file(network, weights.path)
    else:
        _assign(network, values, weights.path)
    if not all(np.isfinite(variable.numpy()).all() for variable in network.variables):
        raise WeightsError(
            f"{weights.path} holds values that are not finite numbers; nothing can be computed with them"
        )
    return network


def activations(network: Any) -> dict[str, tuple[int, int, int]]:
    """Gives what can be explained, input side first: height, width and channels by name.

    These are the layers that keep places, from the first convolution on; what lies before it is the picture itself.
    """
    first = next(i for i, layer in enumerate(network.layers) if isinstance(layer, keras.layers.Conv2D))
    shapes = {layer.name: layer.output.shape for layer in network.layers[first:]}
    return {name: shape[1:] for name, shape in shapes.items() if len(shape) == 4}


def require_activation(network: Any, layer: str) -> None:
    """Makes sure that `layer` can be explained.

    Raises:
        UnknownLayerError: There is no such layer, or its output keeps no places.
    """
    shapes = activations(network)
    if layer in shapes:
        return
    if any(other.name == layer for other in network.layers):
        raise UnknownLayerError(f"layer {layer!r} keeps no places to show on a map; the default is {DEFAULT_LAYER}")
    near = difflib.get_close_matches(layer, shapes, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "`live-cam layers` lists them"
    raise UnknownLayerError(f"ResNet50 has no layer {layer!r}; {hint}")


def _assign(network: Any, values: arrays.Arrays, path: Path) -> None:
    wanted = {variable.path: variable for variable in network.variables}
    for name, variable in wanted.items():
        if name not in values or values[name].shape != tuple(variable.shape):
            have = values[name].shape if name in values else "nothing"
            raise WeightsError(f"{path} does not fit ResNet50: {name} should be {tuple(variable.shape)}, is {have}")
    for name, variable in wanted.items():
        variable.assign(values[name])


def _load_keras_file(network: Any, path: Path) -> None:
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0][:200]
        raise WeightsError(f"{path} does not fit ResNet50 or is spoilt ({reason})") from error
