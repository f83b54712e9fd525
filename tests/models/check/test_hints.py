"""Signs of the wrong preprocessing, on networks that are trained with each of them."""

import keras
import numpy as np
import pytest
from keras import layers

from live_cam.models.check.alone import CHOSEN, preprocess
from live_cam.models.check.hints import find_hints
from live_cam.models.preprocessing import PREPROCESSING

pytestmark = pytest.mark.slow

PX, CLASSES = 16, 3
LABELS = ("red", "green", "blue")
NAMES = ("none", "0..1", "-1..1", "torch")
LARGE, SMALL = ("none", "caffe"), ("0..1", "-1..1", "torch")


def draw(count, seed):
    """Returns images of noise with a patch of one colour, and which colour."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (count, PX, PX, 3), np.uint8)
    classes = np.arange(count) % CLASSES
    for image, colour, (row, column) in zip(images, classes, rng.integers(0, PX - 6, (count, 2)), strict=True):
        image[row : row + 6, column : column + 6, colour] = rng.integers(160, 256)
    return images, classes


def make_model(*first):
    convolutions = [layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(8, 3, activation="relu")]
    model = keras.Sequential(
        [keras.Input((PX, PX, 3)), *first, *convolutions, layers.GlobalMaxPooling2D(), layers.Dense(CLASSES)]
    )
    model.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def train():
    """`train(preprocessing, first)`: logits by the name of each preprocessing, of 9 images and 5 empty ones.

    What needs no training of a network's `first` layer is called before it, so that one network, which is traced once,
    is trained anew each time.
    """
    keras.utils.set_random_seed(0)
    shared = make_model()
    variables = (*shared.variables, *shared.optimizer.variables)
    initial = [variable.numpy() for variable in variables]

    def run(name, first=None):
        keras.utils.set_random_seed(0)
        is_trained = isinstance(first, layers.BatchNormalization)
        model = make_model(first) if is_trained else shared
        for variable, value in zip(variables, initial, strict=True):
            variable.assign(value)

        def values(images, preprocessing):
            pixels = preprocess(images, PREPROCESSING[preprocessing], 3)
            return pixels if first is None or is_trained else np.asarray(first(pixels))

        images, classes = draw(600, 1)
        model.fit(values(images, name), classes, epochs=8, batch_size=50, verbose=0)
        seen, expected = draw(9, 2)
        levels = np.stack([np.full((PX, PX, 3), level, np.uint8) for level in (0, 64, 128, 192, 255)])
        everything = np.concatenate([seen, levels])
        logits = {each: model(values(everything, each)).numpy() for each in PREPROCESSING}
        assert (logits[name][:9].argmax(axis=1) == expected).mean() > 0.7, "it did not learn"
        return logits

    return run


def hints_of(logits, chosen):
    return find_hints({CHOSEN: logits[chosen], **logits}, 9, LABELS, "softmax")


@pytest.mark.parametrize(
    ("right", "first"),
    [
        *((name, None) for name in NAMES),
        ("none", layers.Rescaling(1 / 255)),
        ("none", layers.Rescaling(1 / 127.5, -1)),
        ("0..1", layers.BatchNormalization()),
    ],
    ids=[*NAMES, "rescaled to 0..1", "rescaled to -1..1", "batch norm"],
)
def test_pixels_in_another_range_are_noticed_and_no_others(train, right, first):
    logits = train(right, first)
    assert hints_of(logits, right) == []
    for chosen in SMALL if right in LARGE else LARGE:
        hint = hints_of(logits, chosen)[-1]
        assert hint.startswith(f"pixels may be too {'small' if right in LARGE else 'large'} for it: ")
        assert right in hint.partition("try --preprocess ")[2].split(" or ")


def test_all_images_and_the_empty_ones_of_one_class():
    logits = (
        np.tile(np.array([9.0, 0.0, 1.0], np.float32), (14, 1)) + np.linspace(0, 2, 14, dtype=np.float32)[:, np.newaxis]
    )
    logits[:, 0] += np.arange(14)
    (hint,) = find_hints({CHOSEN: logits}, 9, LABELS, "softmax")
    assert "all 9 images, and black, grey, white and noise as well, are 'red' with at least 100.0%" in hint
    logits[-1, 1] = 90.0  # noise is another class
    assert find_hints({CHOSEN: logits}, 9, LABELS, "softmax") == []


def test_a_much_surer_answer_in_the_same_range_is_suggested():
    one_of = np.eye(20, dtype=np.float32)[np.arange(14) % 2]
    labels = [f"class {i}" for i in range(20)]
    unsure, sure = 2.6 * one_of, 5.0 * one_of
    (hint,) = find_hints({CHOSEN: unsure, "none": unsure, "caffe": sure}, 9, labels, "softmax")
    assert hint.startswith("colours may reach it otherwise than in training: ")
    assert hint.endswith("try --preprocess caffe")
    assert find_hints({CHOSEN: sure, "none": unsure, "caffe": sure}, 9, labels, "softmax") == []


def test_logits_that_are_no_numbers():
    logits = np.full((14, CLASSES), np.nan, np.float32)
    (hint,) = find_hints({CHOSEN: logits, "none": logits}, 9, LABELS, "softmax")
    assert "no numbers" in hint
