"""`live-cam calibrate`, on small classifiers of colours."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from tests.models.keras_files.saving import save

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tasks_here", "own_cache")]

_PIXELS = 64


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 24 pictures of colourful patches."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(24):
        patches = rng.integers(0, 256, (5, 6, 3), np.uint8)
        image = cv2.resize(patches, (240, 200), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{i:02}.png"), image)
    return folder


def write_model(path, *, cancels):
    """Writes a classifier of colours: means of patches, their opponent colours, and a linear head.

    If it `cancels`, half of its features differ from the others by less than a step of int8, and the head looks at the
    differences alone.
    """
    import keras
    from keras import layers

    inputs = keras.Input((_PIXELS, _PIXELS, 3))
    features = layers.Conv2D(6, 8, 8, activation="relu", name="means")(inputs)
    features = layers.Conv2D(16, 3, padding="same", activation="relu", name="opponents")(features)
    features = layers.Conv2D(16, 1, activation="relu", name="last")(features)
    pooled = layers.GlobalAveragePooling2D()(features)
    model = keras.Model(inputs, layers.Dense(4, activation="softmax", name="head")(pooled))
    rng = np.random.default_rng(1)
    kernels = {
        layer.name: rng.standard_normal(layer.kernel.shape) / np.sqrt(np.prod(layer.kernel.shape[:-1]))
        for layer in model.layers
        if layer.weights
    }
    if cancels:
        last, head = kernels["last"], kernels["head"]
        last[..., 8:] = last[..., :8] + 1e-3 * last[..., 8:]
        kernels["head"] = 1000.0 * np.concatenate([head[:8], -head[:8]])
    else:  # each class has four features of its own
        kernels["last"] = np.eye(16)[np.newaxis, np.newaxis]
        kernels["head"] = np.repeat(np.eye(4), 4, axis=0)
    for name, kernel in kernels.items():
        model.get_layer(name).set_weights([kernel, np.zeros(kernel.shape[-1])])
    save(model, path)
    return path


def test_a_model_that_stays_true_gets_a_table_and_is_then_explained_in_int8(live_cam, pictures, tmp_path):
    model = write_model(tmp_path / "colours.keras", cancels=False)
    refused = live_cam("explain", "--model", model, "--precision", "int8", pictures / "00.png")
    assert "there are no ranges for colours in int8; measure them with `live-cam calibrate" in refused.error(2)
    table = tmp_path / "colours.keras.int8.npz"
    result = live_cam("calibrate", model, pictures, "-o", table, "--preprocess", "0..1")
    assert result.status == 0, result.stderr
    assert f"{table}: true enough for --precision int8" in result.stdout
    assert "on 324 crops of pictures that the ranges were not measured on" in result.stdout
    explained = live_cam(
        *("explain", "--model", model, "--preprocess", "0..1", "--precision", "int8", "--json", pictures / "00.png")
    )
    assert json.loads(explained.stdout)["precision"] == "int8", explained.stderr


def test_a_model_that_does_not_stay_true_gets_none(live_cam, pictures, tmp_path):
    model = write_model(tmp_path / "cancels.keras", cancels=True)
    result = live_cam("calibrate", model, pictures, "-o", tmp_path / "table.npz", "--preprocess", "0..1")
    assert result.status != 0
    assert "cancels in int8 is not true enough (" in result.stderr
    assert "map_median" in result.stderr
    assert "top1 0" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "table.npz").exists()


def test_what_can_not_be_calibrated_is_one_line(live_cam, pictures, tmp_path, colour_models, lion):
    assert "is not a folder" in live_cam("calibrate", lion, lion).error(1)
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "one.jpg").write_bytes(lion.read_bytes())
    assert "has 1 images, too few" in live_cam("calibrate", lion, tmp_path / "few").error(2)
    error = live_cam("calibrate", colour_models[0], pictures).error(2)
    assert "needs a model file of Keras, which primary is not" in error
