"""Gradients by OpenVINO against TensorFlow's, through layers that lie behind the explained one."""

import keras
import numpy as np
import openvino as ov
import pytest
import tensorflow as tf
from keras import layers

from live_cam.explain.runtime.conversion import convert
from live_cam.explain.runtime.step_graph import StepGraph
from live_cam.models.flatten import flatten
from live_cam.models.preprocessing import PREPROCESSING

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.slow]

SHAPE = (20, 28, 3)


def _concatenated(x):
    return layers.Concatenate()([x, layers.Conv2D(3, 1)(x)])


BEHIND = {
    "concatenated channels": _concatenated,
    "concatenated rows": lambda x: layers.Concatenate(axis=-3)([x, layers.ReLU()(x)]),
    "nearest": layers.UpSampling2D((2, 3)),
    "bilinear": layers.UpSampling2D((2, 3), interpolation="bilinear"),
    "resized down": layers.Resizing(7, 9),
    "resized down to the nearest": layers.Resizing(7, 9, interpolation="nearest"),
}
HEADS = {
    "softmax": lambda x: layers.Dense(4, activation="softmax")(x),
    "one sigmoid": lambda x: layers.Dense(1, activation="sigmoid")(x),
    "two softmaxes": lambda x: layers.Average()([layers.Dense(3, "softmax")(x), layers.Dense(3, "softmax")(x)]),
}


def network(behind, head):
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="explained")(image)
    x = layers.Conv2D(4, 3, activation="softplus")(behind(x))
    return flatten(keras.Model(image, head(layers.Flatten()(x))), PREPROCESSING["-1..1"])


@pytest.mark.parametrize(
    ("behind", "head"),
    [*((each, HEADS["softmax"]) for each in BEHIND.values()), *((lambda x: x, each) for each in HEADS.values())],
    ids=[*BEHIND, *HEADS],
)
def test_gradients_are_those_of_tensorflow(behind, head):
    function = StepGraph(network(behind, head), ("explained",), "logit").concrete(1, 1)
    pixels = np.random.default_rng(0).integers(0, 256, (1, *SHAPE), np.uint8)
    targets = np.zeros((1, 1, function.structured_outputs[-1].shape[-1]), np.float32)
    expected = [each.numpy() for each in function(tf.constant(pixels), tf.constant(targets))]
    compiled = ov.Core().compile_model(convert(function), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = list(compiled([pixels, targets]).values())
    assert np.abs(expected[1]).max() > 1e-3
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1.0, np.abs(theirs).max()))
