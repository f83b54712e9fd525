"""Small models of Keras 2, each with something that Keras 3 writes or means differently."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers
from tf_keras.src.applications.convnext import LayerScale, StochasticDepth
from tf_keras.src.applications.inception_resnet_v2 import CustomScaleLayer

SHAPE = (32, 32, 3)


def functional_with_operators():
    """The preprocessing of MobileNet, and operators on tensors, which become layers of one TensorFlow function."""
    image = layers.Input(SHAPE)
    x = tf_keras.applications.mobilenet_v2.preprocess_input(image)
    x = layers.SeparableConv2D(4, 3, activation=tf.nn.relu6)(x)
    y = tf.nn.relu(1.0 - x) * 0.5 + x[:, :, :, ::-1] / 3.0
    y = tf.concat([tf.clip_by_value(y, 0.1, 0.9), tf.math.l2_normalize(x, axis=-1)], axis=-1)
    y = tf.image.resize(y, (16, 16))
    y = tf.reduce_mean(tf.cast(y, tf.float32), axis=[1, 2])
    y = layers.Multiply(name="multiply")([y * 2.0, y])  # the names of operations don't collide with those of layers
    return tf_keras.Model(image, layers.Dense(3, activation="softmax")(y))


def caffe_preprocessing():
    """The preprocessing of ResNet50 and VGG: reversed channels, less their means."""
    image = layers.Input(SHAPE)
    x = tf_keras.applications.resnet50.preprocess_input(image)
    x = layers.Conv2D(4, 3)(layers.Rescaling(1 / 128)(x))
    return tf_keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


def nested():
    """A frozen base in a functional model, with augmentation in front: the transfer learning of all tutorials."""
    base_image = layers.Input(SHAPE)
    x = layers.Conv2D(4, 3, use_bias=False, name="conv1/conv")(base_image)
    x = layers.BatchNormalization(name="conv1/bn")(x)
    x = layers.ReLU(6.0, name="conv1/relu")(x)
    x = layers.Add()([x, layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))])
    base = tf_keras.Model(base_image, x, name="base")
    base.trainable = False
    augment = tf_keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)], name="augment")
    image = layers.Input(SHAPE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(augment(image))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(base(x, training=False)))
    return tf_keras.Model(image, layers.Dense(1, activation="sigmoid")(x))


def shared_layers():
    """Layers and a model that are called twice, the second time on what came before."""
    block = tf_keras.Sequential([layers.Conv2D(3, 3, padding="same"), layers.LeakyReLU(alpha=0.2)], name="block")
    norm = layers.LayerNormalization()
    image = layers.Input(SHAPE)
    x = norm(block(norm(block(layers.Rescaling([0.01, 0.02, 0.03], [0.1, 0.2, 0.3])(image)))))
    return tf_keras.Model(image, layers.Dense(3)(layers.GlobalMaxPooling2D()(x)))


def unbuilt_sequential():
    """A Sequential without input layer, built by its first picture, with activations of another meaning in Keras 3."""
    model = tf_keras.Sequential(
        [
            layers.Resizing(24, 24),
            layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0]),
            layers.Conv2D(4, 3, activation="hard_sigmoid", kernel_regularizer="l2"),
            layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.3)),
            layers.Activation("swish"),
            tf_keras.Sequential([layers.BatchNormalization(), layers.AveragePooling2D()], name="inner"),
            layers.Flatten(),
            layers.Dense(5),
            layers.Softmax(),
        ]
    )
    model(np.zeros((1, *SHAPE), np.float32))
    return model


def adapted_normalization():
    """A Normalization whose mean and variance are weights."""
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(5).uniform(0, 255, (16, *SHAPE)).astype(np.float32))
    return tf_keras.Sequential(
        [layers.Input(SHAPE), normalization, layers.Conv2D(4, 5), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )


def attention():
    """Layers that consist of layers."""
    image = layers.Input(SHAPE)
    x = layers.Conv2D(6, 8, strides=8)(layers.Rescaling(1 / 255)(image))
    x = layers.Reshape((16, 6))(x)
    x = layers.MultiHeadAttention(2, 3)(x, x)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    x = layers.Bidirectional(layers.LSTM(3))(x)
    return tf_keras.Model(image, layers.Dense(3)(x))


def two_outputs():
    """Outputs with names."""
    image = layers.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
    return tf_keras.Model(image, {"kind": layers.Dense(3)(x), "colour": layers.Dense(2)(x)})


def half_precision():
    """A model that was trained in float16."""
    policy = tf_keras.mixed_precision.Policy("mixed_float16")
    image = layers.Input(SHAPE)
    x = layers.Conv2D(4, 3, dtype=policy)(layers.Rescaling(1 / 255)(image))
    x = layers.BatchNormalization(dtype=policy)(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    return tf_keras.Model(image, layers.Dense(3, activation="softmax", dtype="float32")(x))


def scaled_layers():
    """The layers that ConvNeXt and Inception-ResNet bring along."""
    image = layers.Input(SHAPE)
    x = layers.Conv2D(4, 8, strides=8)(layers.Rescaling(1 / 255)(image))
    y = StochasticDepth(0.1)(LayerScale(0.5, 4)(layers.LayerNormalization()(x)))
    return tf_keras.Model(image, layers.Dense(3)(layers.Flatten()(CustomScaleLayer(0.3)([x, y]))))


MODELS = [
    scaled_layers,
    functional_with_operators,
    caffe_preprocessing,
    nested,
    shared_layers,
    unbuilt_sequential,
    adapted_normalization,
    attention,
    two_outputs,
    half_precision,
]


def randomized(model):
    """Gives each bias, mean, variance, scale and kernel a value of its own, so that none can stand in for another."""
    rng = np.random.default_rng(3)

    def value(weight):
        if weight.ndim == 0:
            return weight
        if weight.ndim == 1:
            return rng.uniform(0.5, 1.5, weight.shape)
        return rng.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape)

    model.set_weights([value(np.asarray(weight)) for weight in model.get_weights()])
    return model
