"""The callback of `model.fit`."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import OutputError, SourceError, UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("tasks_here", "own_cache"),
    # Keras, when it saves a model, with newer NumPy.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

LABELS = ["dark", "red", "blue"]


@pytest.fixture
def callback(tmp_path):
    """Creates callbacks that explain a red square and noise, one of which is a file."""
    from live_cam.keras import ExplanationCallback

    square = np.zeros((60, 90, 3), np.uint8)
    square[10:50, 40:80] = (230, 20, 20)
    Image.fromarray(square).save(tmp_path / "square.png")
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    return lambda **options: ExplanationCallback([tmp_path / "square.png", noise], tmp_path / "maps", **options)


@pytest.fixture(scope="module")
def pictures():
    """48 pictures of 32x32 and their classes."""
    rng = np.random.default_rng(0)
    classes = np.arange(48) % 3
    pixels = rng.integers(0, 60, (48, 32, 32, 3)).astype(np.float32)
    pixels[classes == 1, 8:24, 8:24, 0] = 220
    pixels[classes == 2, 8:24, 8:24, 2] = 220
    return pixels, classes


def make_model():
    import keras

    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 5, strides=2, activation="relu", name="low"),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(8, 3, activation="relu", name="high"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", jit_compile=False)
    return model


@pytest.fixture(scope="module")
def any_model():
    """A model whose training is traced once, for tests that don't ask what it has learnt."""
    return make_model()


def fit(model, pictures, *callbacks, epochs=2):
    return model.fit(*pictures, batch_size=16, epochs=epochs, verbose=0, callbacks=list(callbacks))


def test_maps_of_each_epoch_are_those_of_the_model_of_that_time(callback, pictures, tmp_path):
    from live_cam import Explainer

    model = make_model()
    fit(model, pictures, callback(labels=LABELS, layer="high"))
    model.save(tmp_path / "trained.keras")
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["epoch_001", "epoch_002"]
    names = {"0-square.npz", "0-square.png", "1.npz", "1.png", "sheet.png"}
    for epoch in ("epoch_001", "epoch_002"):
        assert {path.name for path in (tmp_path / "maps" / epoch).iterdir()} == names
    with (
        np.load(tmp_path / "maps/epoch_001/0-square.npz") as first,
        np.load(tmp_path / "maps/epoch_002/0-square.npz") as second,
    ):
        explainer = Explainer(
            tmp_path / "trained.keras", labels=LABELS, layer="high", runtime="tensorflow", precision="float32"
        )
        saved = explainer.explain(tmp_path / "square.png")
        assert np.allclose(second["logits"], saved.logits, atol=1e-5)
        assert np.allclose(second["map"], saved.map, atol=1e-5 * saved.map.max())
        assert saved.map.max() > 0.0
        assert not np.allclose(first["map"], second["map"], atol=1e-2 * saved.map.max())
    with Image.open(tmp_path / "maps/epoch_002/0-square.png") as overlay:
        assert overlay.size == (90, 60)
    with Image.open(tmp_path / "maps/epoch_002/sheet.png") as sheet:
        assert sheet.height > 2 * 224, "both images, one above the other"


def test_training_goes_as_without_the_callback(callback, pictures):
    trained = []
    for callbacks in ([callback()], []):
        model = make_model()
        fit(model, pictures, *callbacks)
        trained.append((model.get_weights(), random.random(), np.random.random()))
    (with_callback, *next_of_it), (without, *next_without) = trained
    assert all(np.array_equal(one, other) for one, other in zip(with_callback, without, strict=True))
    assert next_of_it == next_without


def test_only_every_nth_epoch_is_explained(callback, any_model, pictures, tmp_path):
    fit(any_model, pictures, callback(every=2), epochs=5)
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["epoch_002", "epoch_004"]


@pytest.mark.parametrize("fault", ["exists", "layer"])
def test_what_can_not_be_written_or_explained_is_one_warning(callback, any_model, pictures, tmp_path, caplog, fault):
    explained = callback(layer="none" if fault == "layer" else None)
    for name in ("epoch_001", "epoch_002") if fault == "exists" else ():
        (tmp_path / "maps" / name).mkdir()
    with caplog.at_level(logging.WARNING, "live_cam"):
        history = fit(any_model, pictures, explained)
    assert len(history.history["loss"]) == 2
    (record,) = caplog.records
    assert "epoch 1 is not explained, and training goes on" in record.message
    assert ("epoch_001" if fault == "exists" else "no layer 'none'") in record.message
    assert [path for path in (tmp_path / "maps").rglob("*") if path.is_file()] == []


def test_a_wrong_argument_is_an_error_before_training(callback, tmp_path):
    from live_cam.keras import ExplanationCallback

    with pytest.raises(UsageError, match="every is 1 or more"):
        callback(every=0)
    with pytest.raises(UsageError, match="method is one of"):
        callback(method="magic")
    wrong: list[Any] = [[], np.zeros((2, 8, 8, 3), np.uint8), "lion.jpg"]
    for images in wrong:
        with pytest.raises(UsageError, match="at least one image"):
            ExplanationCallback(images, tmp_path)
    with pytest.raises(SourceError, match=r"gone\.png"):
        ExplanationCallback([tmp_path / "gone.png"], tmp_path)
    with pytest.raises(OutputError, match=r"square\.png"):
        ExplanationCallback([tmp_path / "square.png"], tmp_path / "square.png")
