"""Users' Keras models as networks: the same answers, the right layers, and refusals that say what is missing."""

import numpy as np
import pytest

from live_cam.errors import ModelError
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.preprocessing import NONE

pytestmark = pytest.mark.slow

PX = (32, 24)


def seeded(model):
    """Gives a model weights and statistics that are not trivial."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if variable.path.rpartition("/")[2] in ("moving_variance", "variance", "gamma"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.dtype == "float32":
            variable.assign(rng.standard_normal(variable.shape) / np.sqrt(np.prod(variable.shape[:-1]) or 1.0))
    return model


def chain(*layers):
    """Returns a functional model that calls one layer after the other, the first of which is its input."""
    import keras

    features = inputs = layers[0]
    for layer in layers[1:]:
        features = layer(features)
    return keras.Model(inputs, features)


def sequential():
    """With preprocessing and augmentation inside, and a batch norm that no convolution precedes."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((*PX, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
            layers.RandomFlip(),
            layers.BatchNormalization(),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax", use_bias=False),
        ]
    )


def nested():
    """Bases in a Sequential in a functional model, with layers of one name in both, and the softmax as a layer."""
    import keras
    from keras import layers

    first = chain(
        keras.Input((*PX, 3)),
        layers.Conv2D(6, 3, strides=2, use_bias=False, name="conv"),
        layers.BatchNormalization(name="bn"),
        layers.ReLU(6.0, name="out"),
    )
    second = chain(
        keras.Input(first.output.shape[1:]),
        layers.DepthwiseConv2D(3, use_bias=False, name="conv"),
        layers.BatchNormalization(scale=False, name="bn"),
        layers.Activation("swish", name="out"),
    )
    stack = keras.Sequential([first, second, layers.GlobalAveragePooling2D(), layers.LayerNormalization()])
    return chain(keras.Input((*PX, 3)), layers.Rescaling(1 / 255), stack, layers.Dense(4), layers.Softmax())


def grey():
    import keras
    from keras import layers

    return chain(keras.Input((*PX, 1)), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(3, "softmax"))


def channels_first():
    import keras
    from keras import layers

    first = {"data_format": "channels_first"}
    return chain(
        keras.Input((3, *PX)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, **first),
        layers.BatchNormalization(axis=1),
        layers.GlobalAveragePooling2D(**first),
        layers.Dense(3, "softmax"),
    )


def several_labels():
    import keras
    from keras import layers

    pooled = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    return chain(keras.Input((*PX, 3)), *pooled, layers.Dense(3, activation="sigmoid"))


def one_unit():
    import keras
    from keras import layers

    pooled = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    return chain(keras.Input((*PX, 3)), *pooled, layers.Dense(1), layers.Activation("sigmoid", dtype="float32"))


def mean_of_two():
    """The mean of two softmaxes: probabilities, though its last layer does not tell."""
    import keras
    from keras import layers

    inputs = keras.Input((*PX, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(inputs)))
    answers = [layers.Dense(3, "softmax")(pooled) for _ in range(2)]
    return keras.Model(inputs, layers.Average()(answers))


def convolution_as_head():
    import keras
    from keras import layers

    pooled = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(keepdims=True)]
    head = [layers.Conv2D(3, 1), layers.Flatten(), layers.Softmax()]
    return chain(keras.Input((*PX, 3)), *pooled, *head)


def operations():
    """Functions of `keras.ops` in place of layers."""
    import keras
    from keras import layers, ops

    inputs = keras.Input((*PX, 3))
    features = ops.relu(layers.Conv2D(4, 3, groups=1)(ops.divide(inputs, 255.0)))
    pooled = layers.Dense(3)(ops.mean(features, axis=(1, 2)))
    return keras.Model(inputs, ops.softmax(pooled))


def grouped():
    import keras
    from keras import layers

    return chain(
        keras.Input((*PX, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 1),
        layers.Conv2D(16, 3, groups=8),
        layers.Conv2D(6, 3, groups=2, strides=2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, "softmax"),
    )


MODELS = {
    each.__name__: each
    for each in (
        sequential,
        nested,
        grey,
        channels_first,
        several_labels,
        one_unit,
        mean_of_two,
        convolution_as_head,
        operations,
        grouped,
    )
}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (2, *PX, 3), np.uint8)


def what_it_receives(model, pixels):
    """Returns the pixels as the model's own code would pass them."""
    from PIL import Image

    channels_first = model.input_shape[1] in (1, 3)
    if 1 in (model.input_shape[1], model.input_shape[-1]):
        pixels = np.array([Image.fromarray(each).convert("L") for each in pixels])[..., np.newaxis]
    return np.moveaxis(pixels, -1, 1 if channels_first else -1).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_the_answers_and_the_gradients_are_those_of_the_model_itself(name, pixels):
    import tensorflow as tf

    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.flatten import flatten

    model = seeded(MODELS[name]())
    expected = np.asarray(model(what_it_receives(model, pixels), training=False))
    if expected.shape[1] == 1:
        expected = np.hstack([1.0 - expected, expected])
    network = flatten(model, NONE)
    layer = list(network.activations)[-1]
    graph = StepGraph(network, (layer,), "logit")
    targets = np.zeros((2, 1, network.classes), np.float32)
    targets[:, :, 1] = 1.0
    activations, gradients, logits = (each.numpy() for each in graph.concrete(2, 1)(pixels, targets))
    np.testing.assert_allclose(probabilities(logits, network.head), expected, atol=1e-5)
    assert activations.shape[1:] == network.activations[layer]
    assert gradients.shape == (2, 1, *activations.shape[1:])
    # Along its own gradient an activation raises the logit of the class.
    assert np.abs(gradients).max() > 0.0
    assert isinstance(graph.forward(tf.constant(pixels)).numpy(), np.ndarray)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequential", {"conv2d": (30, 22, 6), "max_pooling2d": (15, 11, 6)}),
        ("channels_first", {"conv2d": (30, 22, 4), "batch_normalization": (30, 22, 4)}),
        ("nested", dict.fromkeys(("conv", "bn", "out"), (15, 11, 6)) | {"sequential_functional_1_out": (13, 9, 6)}),
    ],
)
def test_layers_with_places_are_listed_with_their_sizes(name, expected):
    import keras

    from live_cam.models.flatten import flatten

    keras.backend.clear_session()  # so that names start from the first number
    listed = flatten(seeded(MODELS[name]()), NONE).activations
    assert list(listed)[-1] == list(expected)[-1]
    assert listed.items() >= expected.items()


def test_an_output_is_chosen_by_name(pixels):
    import keras
    from keras import layers

    from live_cam.models.flatten import flatten

    inputs = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    outputs = {"kind": layers.Dense(3, "softmax", name="a")(pooled), "colour": layers.Dense(2, "softmax")(pooled)}
    model = seeded(keras.Model(inputs, outputs))
    assert flatten(model, NONE, "colour").classes == 2
    assert flatten(model, NONE, "kind").classes == flatten(model, NONE, "a").classes == 3
    assert flatten(model, NONE, "kind").input_px == (224, 224), "where the file leaves the size open"
    for name in (None, "shape"):
        with pytest.raises(ModelError, match=r"with --model-output: .*kind, colour"):
            flatten(model, NONE, name)


def two_inputs():
    import keras
    from keras import layers

    inputs = [keras.Input((*PX, 3), name="image"), keras.Input((5,), name="age")]
    return keras.Model(inputs, layers.Dense(2)(layers.Concatenate()([layers.Flatten()(inputs[0]), inputs[1]])))


def without_places():
    import keras
    from keras import layers

    return chain(keras.Input((*PX, 3)), layers.Flatten(), layers.Dense(2))


def segmenter():
    import keras
    from keras import layers

    return chain(keras.Input((*PX, 3)), layers.Conv2D(2, 1))


def of_vectors():
    import keras
    from keras import layers

    return chain(keras.Input((7,)), layers.Dense(2))


def of_five_channels():
    import keras
    from keras import layers

    return chain(keras.Input((*PX, 5)), layers.Conv2D(2, 1), layers.GlobalAveragePooling2D())


def without_a_size():
    import keras
    from keras import layers

    return keras.Sequential([layers.Conv2D(2, 1), layers.GlobalAveragePooling2D()])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (two_inputs, r"has 2 inputs \(image, age\); give a model with one, the image"),
        (without_places, "no layer with places.*; give a convolutional network"),
        (segmenter, r"the shape \(N, 32, 24, 2\), that of a detector or segmenter; give a classifier"),
        (of_vectors, r"the shape \(N, 7\); give a model of images"),
        (of_five_channels, "5 channels; give a model of RGB or grey images"),
        (without_a_size, "does not know the size of its input; give it a keras.Input"),
    ],
)
def test_what_is_no_classifier_of_images_is_refused_in_one_line(build, message):
    from live_cam.models.flatten import flatten

    with pytest.raises(ModelError, match=message) as caught:
        flatten(build(), NONE)
    assert "\n" not in str(caught.value)


def test_a_lambda_layer_of_a_trusted_file_stays_what_it_is(pixels):
    import keras
    from keras import layers

    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.flatten import flatten

    scaled = layers.Lambda(lambda values, by: values / by, arguments={"by": 255.0})
    model = seeded(chain(keras.Input((*PX, 3)), scaled, layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()))
    network = flatten(model, NONE)
    graph = StepGraph(network, tuple(network.activations), "logit")
    expected = np.asarray(model(pixels.astype(np.float32), training=False))
    np.testing.assert_allclose(graph.forward(pixels).numpy(), expected, atol=1e-6)
