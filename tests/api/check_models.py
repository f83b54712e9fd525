"""Small seeded Keras models, one for each kind of input, inside and output; written to files by the tests."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

HEIGHT, WIDTH = 32, 48
SHAPE = (HEIGHT, WIDTH, 3)


def _features(image):
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.Rescaling(1 / 127.5, -1)(image))
    return layers.Conv2D(8, 3, use_bias=False)(x)


def _model(*head, shape=SHAPE):
    image = x = keras.Input(shape)
    for layer in [_features, layers.GlobalAveragePooling2D(), *head]:
        x = layer(x)
    return keras.Model(image, x)


def sequential():
    """Augmentation, batch norm and dropout."""
    stack = [layers.Rescaling(1 / 127.5, -1), layers.RandomFlip(), layers.Conv2D(8, 3, use_bias=False)]
    stack += [layers.BatchNormalization(), layers.ReLU(6), layers.MaxPooling2D(), layers.Dropout(0.2)]
    return keras.Sequential(
        [keras.Input(SHAPE), *stack, layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax")]
    )


def nested():
    """A base in a Sequential in a functional model, with a head of flattened places."""
    inner = keras.Input(SHAPE)
    base = keras.Model(inner, layers.BatchNormalization()(_features(inner)), name="base")
    wrapped = keras.Sequential([base, layers.Activation("swish"), layers.MaxPooling2D(3)])
    image = keras.Input(SHAPE)
    return keras.Model(image, layers.Dense(5, activation="softmax")(layers.Flatten()(wrapped(image))))


def channels_first():
    image = keras.Input((3, HEIGHT, WIDTH))
    x = layers.Conv2D(8, 3, data_format="channels_first")(layers.Rescaling(1 / 127.5, -1)(image))
    x = layers.GlobalAveragePooling2D(data_format="channels_first")(layers.ReLU()(x))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return _model(layers.Dense(4), layers.Activation("softmax", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")


def two_outputs():
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(_features(image))
    return keras.Model(image, {"kind": layers.Dense(3, "softmax", name="k")(x), "hue": layers.Dense(2, name="h")(x)})


def two_softmaxes():
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(_features(image))
    return keras.Model(image, layers.Average()([layers.Dense(3, "softmax")(x), layers.Dense(3, "softmax")(x)]))


MODELS = {
    "sequential": sequential,
    "nested": nested,
    "channels_first": channels_first,
    "half_precision": half_precision,
    "two_outputs": two_outputs,
    "two_softmaxes": two_softmaxes,
    "logits": lambda: _model(layers.Dense(4)),
    "log_softmax": lambda: _model(layers.Dense(4, activation="log_softmax")),
    "softmax_without_bias": lambda: _model(layers.Dense(4, use_bias=False), layers.Softmax()),
    "one_sigmoid": lambda: _model(layers.LayerNormalization(), layers.Dense(1, activation="sigmoid")),
    "one_logit": lambda: _model(layers.Dense(1)),
    "several_labels": lambda: _model(layers.Dense(4, activation="sigmoid")),
    "grey": lambda: _model(layers.Dense(3, activation="softmax"), shape=(HEIGHT, WIDTH, 1)),
    "any_size": lambda: _model(layers.Dense(3, activation="softmax"), shape=(None, None, 3)),
}


def seeded(model):
    """Gives each weight a value of its own, so that none can stand in for another."""
    rng = np.random.default_rng(4)
    for variable in model.variables:
        if variable.path.rpartition("/")[2] in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.dtype == "float32":
            variable.assign(rng.standard_normal(variable.shape) * 2 / np.sqrt(np.prod(variable.shape[:-1]) or 1))
    return model
