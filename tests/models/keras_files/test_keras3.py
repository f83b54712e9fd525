from __future__ import annotations

import shutil
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.applications.convnext import LayerScale, StochasticDepth
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from tests.models.keras_files.saving import save

SHAPE = (32, 32, 3)


def operators():
    """Preprocessing and operators on tensors; Keras can't open its own .h5 of these."""
    image = layers.Input(SHAPE)
    x = keras.applications.mobilenet_v2.preprocess_input(image)
    x = ops.relu(layers.Conv2D(4, 3, activation="relu6")(x)) + 0.5
    x = ops.concatenate([x[..., ::-1], ops.cast(x * 0.1, "float32")], axis=-1)
    return keras.Model(image, layers.Dense(3, activation="softmax")(ops.mean(x, axis=(1, 2))))


def nested():
    """A base in a Sequential in a functional model, with augmentation and names of classes that occur twice."""
    base = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1)),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            layers.Activation("hard_sigmoid"),
        ],
        name="base",
    )
    image = layers.Input(SHAPE)
    x = base(layers.Rescaling(1 / 255)(image), training=False)
    x = layers.Conv2D(4, 3, kernel_regularizer="l2")(layers.GaussianNoise(0.1)(x))
    return keras.Model(image, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x)))


def unbuilt_sequential():
    """A Sequential without input layer, built by its first picture."""
    crop = layers.CenterCrop(12, 12)
    model = keras.Sequential(
        [layers.Resizing(16, 16), crop, layers.SeparableConv2D(4, 3), layers.Flatten(), layers.Dense(3)]
    )
    model(np.zeros((1, *SHAPE), np.float32))
    return model


def adapted_normalization():
    """A Normalization whose mean and variance are weights, in a compiled model with the state of its optimizer."""
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(5).uniform(0, 255, (16, *SHAPE)).astype(np.float32))
    image = layers.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 5)(normalization(image)))
    model = keras.Model(image, layers.Dense(2)(x))
    model.compile("adam", "mse")
    return model


def scaled_layers():
    """The layers that ConvNeXt and Inception-ResNet bring along."""
    image = layers.Input(SHAPE)
    x = layers.Conv2D(4, 8, strides=8)(layers.Rescaling(1 / 255)(image))
    y = StochasticDepth(0.1)(LayerScale(0.5, 4)(layers.LayerNormalization()(x)))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(CustomScaleLayer(0.3)([x, y]))))


@pytest.fixture(scope="module", params=[operators, nested, unbuilt_sequential, adapted_normalization, scaled_layers])
def written(request, tmp_path_factory, pictures):
    """A model of Keras 3, its folder, and what it says to the pictures."""
    model = request.param()
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        if len(variable.shape) == 1:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    folder = tmp_path_factory.mktemp("keras3")
    save(model, folder / "model.keras")
    save(model, folder / "model.h5")
    return folder, model.predict(pictures, verbose=0)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_model_of_keras_3_says_what_keras_says(written, name, pictures, compare):
    folder, expected = written
    compare(folder / name, pictures, expected)


def test_the_content_decides_and_not_the_suffix(written, tmp_path, pictures, compare):
    folder, expected = written
    shutil.copy(folder / "model.keras", tmp_path / "model.h5")
    shutil.copy(folder / "model.h5", tmp_path / "model.keras")
    compare(tmp_path / "model.h5", pictures, expected)
    compare(tmp_path / "model.keras", pictures, expected)


def test_an_unpacked_keras_file_opens_as_a_folder(written, tmp_path, pictures, compare):
    folder, expected = written
    with zipfile.ZipFile(folder / "model.keras") as archive:
        archive.extractall(tmp_path)
    compare(tmp_path, pictures, expected)


def test_a_model_in_a_model_takes_one_tensor(tmp_path, pictures, compare):
    """Keras 3 can't open its own file: 'Layer "dense" expects 1 input(s), but it received 2 input tensors'."""
    base = nested()
    features = keras.Model(base.inputs, base.layers[-2].output, name="features")
    model = keras.Sequential([layers.Input(SHAPE), features, layers.Dense(3)])
    save(model, tmp_path / "model.keras")
    loaded = compare(tmp_path / "model.keras", pictures, model.predict(pictures, verbose=0))
    assert len(loaded.model.inputs) == 1
