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

INPUT_PX = 224


def build_network(weights: Weights) -> Any:
    """Builds ResNet50 with a linear head and the weights given.

    Returns:
        A `keras.Model` from float32 (N, 224, 224, 3), caffe-preprocessed, to logits float32 (N, 1000).

    Raises:
        WeightsError: The weights are of another network.
    """
    network = keras.applications.ResNet50(weights=None, classifier_activation=None)
    if weights.values is None:
        _load_keras_file(network, weights.path)
    else:
        _assign(network, weights.values, weights.path)
    if not all(np.isfinite(variable.numpy()).all() for variable in network.variables):
        raise WeightsError(
            f"{weights.path} holds values that are not finite numbers; nothing can be computed with them"
        )
    return network


def activation(network: Any, layer: str) -> Any:
    """Gives the symbolic output of the layer called `layer`.

    Raises:
        UnknownLayerError: There is no such layer, or its output is no (N, h, w, channels) activation.
    """
    shapes = {candidate.name: candidate.output.shape for candidate in network.layers}
    if layer not in shapes:
        near = difflib.get_close_matches(layer, shapes, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"the default is {DEFAULT_LAYER}"
        raise UnknownLayerError(f"ResNet50 has no layer {layer!r}; {hint}")
    if len(shapes[layer]) != 4:
        raise UnknownLayerError(f"layer {layer!r} keeps no places to show on a map; the default is {DEFAULT_LAYER}")
    return network.get_layer(layer).output


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
