"""Which heads of Keras networks are linear behind the mean over the places."""

import numpy as np
import pytest

from live_cam.models.flatten import flatten
from live_cam.models.keras_head import find_keras_head
from live_cam.models.preprocessing import NONE

pytestmark = pytest.mark.slow


def network_of(*behind):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(6, 3, activation="relu", name="last"), *behind])
    for variable in model.variables:
        if "variance" not in variable.path:
            variable.assign(np.random.default_rng(0).normal(0.1, 0.5, variable.shape))
    return flatten(model, NONE)


def heads():
    from keras import layers

    return {
        "dense": [layers.GlobalAveragePooling2D(), layers.Dropout(0.3), layers.Dense(4, activation="softmax")],
        "two dense": [layers.GlobalAveragePooling2D(), layers.Dense(5), layers.Dense(4, activation="softmax")],
        "norm": [layers.GlobalAveragePooling2D(), layers.BatchNormalization(), layers.Dense(4)],
        "convolution": [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(4, 1), layers.Flatten()],
        "one unit": [layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")],
    }


@pytest.mark.parametrize("name", ["dense", "two dense", "norm", "convolution", "one unit"])
def test_linear_heads_compute_the_logits(name):
    import keras

    network = network_of(*heads()[name])
    head = find_keras_head(network, ("last",))
    both = keras.Model(network.model.input, [network.model.get_layer("last").output, network.model.output])
    pixels = np.random.default_rng(1).uniform(0, 1, (2, 16, 16, 3)).astype(np.float32)
    activation, logits = (each.numpy() for each in both(pixels, training=False))
    np.testing.assert_allclose(head.logits(activation.mean(axis=(1, 2))), logits, atol=1e-4)


def test_other_heads_are_none():
    from keras import layers

    for behind in (
        [layers.Flatten(), layers.Dense(4)],
        [layers.GlobalMaxPooling2D(), layers.Dense(4)],
        [layers.GlobalAveragePooling2D(), layers.Dense(5, activation="relu"), layers.Dense(4)],
        [layers.GlobalAveragePooling2D(), layers.LayerNormalization(), layers.Dense(4)],
        [layers.Conv2D(5, 3), layers.GlobalAveragePooling2D(), layers.Dense(4)],
    ):
        assert find_keras_head(network_of(*behind), ("last",)) is None
