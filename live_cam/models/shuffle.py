"""Random weights for a trained network: each array shuffled, so that sizes and distributions stay."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.models.linear_head import LinearHead
from live_cam.models.model import Model
from live_cam.models.taught_head import TaughtHead, network_digest


def shuffle(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Returns the values of an array at random places."""
    return rng.permutation(values.ravel()).reshape(values.shape)


def shuffle_layers(model: Any, seed: int) -> Iterator[str]:
    """Shuffles the weights of a `keras.Model` in place, from the logits down; yields the names of the layers."""
    rng = np.random.default_rng(seed)
    for layer in reversed(model.layers):
        if layer.weights:
            layer.set_weights([shuffle(weights, rng) for weights in layer.get_weights()])
            yield layer.name


def copy_model(model: Any) -> Any:
    """Returns a `keras.Model` with weights of its own, which are the same."""
    import keras

    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    return copied


def shuffled_model(model: Model, seed: int) -> Model:
    """Returns a model with all weights shuffled; one in a file is so when it is built.

    Its digest is its own, and the same for a seed, so that its converted steps are found again.
    """
    digest = hashlib.sha256(f"{model.digest} shuffled {seed}".encode()).hexdigest()
    if model.file is not None:
        return replace(model, digest=digest, file=replace(model.file, shuffle_seed=seed))
    network = replace(model.network, model=copy_model(model.network.model))
    shuffle_all(network.model, seed)
    return replace(model, digest=digest, network=network)


def shuffle_all(model: Any, seed: int) -> None:
    """Shuffles all weights of a `keras.Model` in place."""
    for _ in shuffle_layers(model, seed):
        pass


def shuffled_head(taught: TaughtHead, model: Model, seed: int) -> TaughtHead:
    """Returns a taught head with its weights shuffled, for a model that was shuffled, too."""
    rng = np.random.default_rng(seed)
    head = LinearHead(shuffle(taught.head.weights, rng), shuffle(taught.head.bias, rng))
    return replace(taught, head=head, digest=network_digest(model.classifier, model.digest))
