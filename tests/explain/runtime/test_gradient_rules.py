"""Gradients that OpenVINO computes by our rules, against TensorFlow's own."""

import numpy as np
import pytest

from live_cam.errors import ModelError
from live_cam.models.preprocessing import NONE

pytestmark = pytest.mark.slow

KERNELS_AND_STRIDES = [(1, 2), (2, 2), (3, 1), (3, 2), (4, 1), (5, 3)]


@pytest.fixture
def assert_same_gradients(tmp_path):
    """`assert_same_gradients(*layers, px=(30, 27))`: of a class to what the first of the layers receives.

    It is a convolution with 8 channels, as many as most of the layers have: with as many channels in as out, OpenVINO's
    own rules fail, and only for models that are read from a file. A list of layers receives it side by side, and the
    class depends on all of them; a gradient that is missing or wrong remains so in the sum.
    """
    import keras
    import openvino as ov
    import tensorflow as tf

    from live_cam.explain.runtime.conversion import convert, save
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.flatten import flatten

    def check(*layers, px=(30, 27)):
        rng = np.random.default_rng(0)
        inputs = keras.Input((*px, 3))
        features = keras.layers.Conv2D(8, 1, name="first")(keras.layers.Rescaling(1 / 128, -1)(inputs))
        for layer in layers:
            features = layer(features) if callable(layer) else [each(features) for each in layer]
        flat = [keras.layers.Flatten()(each) for each in keras.tree.flatten(features)]
        logits = [keras.layers.Dense(3)(each) for each in flat]
        model = keras.Model(inputs, keras.layers.Add()(logits) if len(logits) > 1 else logits[0])
        for variable in model.variables:
            variable.assign(rng.standard_normal(variable.shape) / np.sqrt(np.prod(variable.shape[:-1]) or 1.0))
        function = StepGraph(flatten(model, NONE), ("first",), "logit").concrete(1, 1)
        pixels, targets = rng.integers(0, 256, (1, *px, 3), np.uint8), np.zeros((1, 1, 3), np.float32)
        expected = function(tf.constant(pixels), tf.constant(targets))[1].numpy()
        save(convert(function), tmp_path / "step.xml")
        compiled = ov.Core().compile_model(tmp_path / "step.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = list(compiled([pixels, targets]).values())[1]
        assert np.abs(expected).max() > 0.0
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()

    return check


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D"])
def test_windows_of_every_size_stride_and_padding(assert_same_gradients, kind, padding):
    import keras

    make = getattr(keras.layers, kind)
    channels = (8,) if kind == "Conv2D" else ()
    for px in ((30, 28), (31, 27)):
        windows = [make(*channels, size, strides=stride, padding=padding) for size, stride in KERNELS_AND_STRIDES]
        assert_same_gradients(windows, px=px)


def test_convolutions_that_are_grouped_or_change_the_number_of_channels(assert_same_gradients):
    from keras import layers

    assert_same_gradients(layers.Conv2D(16, 3, groups=8), layers.Conv2D(8, 3, groups=2, strides=2, padding="same"))
    assert_same_gradients(layers.Conv2D(4, 3, strides=2, padding="same"))
    assert_same_gradients(layers.DepthwiseConv2D(3, depth_multiplier=2), layers.SeparableConv2D(5, 3, strides=2))


ACTIVATIONS = ["relu", "relu6", "leaky_relu", "elu", "selu", "softplus", "softsign", "sigmoid", "tanh", "swish"]


@pytest.mark.parametrize("activations", [ACTIVATIONS, ["gelu", "mish", "hard_swish"]], ids=["usual", "newer"])
def test_activations(assert_same_gradients, activations):
    import keras

    assert_same_gradients([keras.layers.Activation(each) for each in activations])


def test_normalizations(assert_same_gradients):
    from keras import layers

    assert_same_gradients(layers.LayerNormalization(), layers.GroupNormalization(4), layers.UnitNormalization())


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_resizes_up_and_down(assert_same_gradients, interpolation):
    from keras import layers

    up = layers.UpSampling2D((2, 3), interpolation=interpolation)
    assert_same_gradients(up, layers.Resizing(7, 9, interpolation=interpolation))


def test_concatenated_rows_and_averaged_answers(assert_same_gradients):
    import keras

    class Joined(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs):
            return keras.ops.concatenate([inputs, keras.ops.relu(inputs)], axis=-3)

    class Averaged(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs):
            return (keras.ops.softmax(inputs) + keras.ops.sigmoid(inputs)) / 2.0

    assert_same_gradients(Joined(), Averaged())


def test_an_operation_without_a_rule_is_named_in_one_line(assert_same_gradients):
    import keras

    with pytest.raises(ModelError, match=r"OpenVINO .*Conv2DBackpropInput.*; give --runtime tensorflow") as caught:
        assert_same_gradients(keras.layers.Conv2D(8, 3, dilation_rate=2), keras.layers.Conv2D(8, 3))
    assert "\n" not in str(caught.value)


def test_parts_that_are_cut_padded_joined_and_averaged(assert_same_gradients):
    import keras
    from keras import layers

    class Joined(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs):
            return keras.ops.concatenate([inputs, keras.ops.relu(inputs)], axis=-1)

    cut = [layers.ZeroPadding2D(2), layers.Cropping2D(((1, 0), (0, 3)))]
    attention = layers.GlobalAveragePooling2D(keepdims=True)
    assert_same_gradients(*cut, Joined(), attention, layers.Conv2D(4, 1), layers.Reshape((4,)))
