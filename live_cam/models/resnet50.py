"""Keras's ResNet50 without its softmax, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from live_cam.errors import WeightsError
from live_cam.models.weights.archive import Arrays
from live_cam.models.weights.find import Weights


def empty_network() -> Any:
    """Builds ResNet50 with a linear head and random weights."""
    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def build_resnet50(weights: Weights) -> Any:
    """Builds ResNet50 with a linear head and loads its weights.

    Args:
        weights: Where the weights are.

    Returns:
        A `keras.Model` from float32 (N, 224, 224, 3), caffe-preprocessed, to logits float32 (N, 1000).

    Raises:
        WeightsError: The weights are those of another network, or not finite.
    """
    network = empty_network()
    values = weights.read()
    if values is None:
        _load_keras_file(network, weights.path)
    else:
        _assign(network, values, weights.path)
    if not all(np.isfinite(variable.numpy()).all() for variable in network.variables):
        raise WeightsError(f"{weights.path} contains values that are not finite numbers; use another weight file")
    return network


def _assign(network: Any, values: Arrays, path: Path) -> None:
    variables = {variable.path: variable for variable in network.variables}
    for name, variable in variables.items():
        if name not in values or values[name].shape != tuple(variable.shape):
            found = values[name].shape if name in values else "missing"
            raise WeightsError(f"{path} does not match ResNet50: {name} should be {tuple(variable.shape)}, is {found}")
    for name, variable in variables.items():
        variable.assign(values[name])


def _load_keras_file(network: Any, path: Path) -> None:
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0][:200]
        raise WeightsError(f"{path} does not match ResNet50 or is corrupt ({reason})") from error
