"""Image models as Teachable Machine exports them: MobileNetV2 with alpha 0.35, and two dense layers."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from live_cam.models.keras_files.load import load_keras_model
from tests.models.keras_files.saving import save

LABELS = ("Cup", "Coffee mug", "Ñandú 3")
_CHANNELS = 16  # of `block_4_add`, behind which a short export pools


def change_config(path, change):
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


def forget_modules(value):
    """Removes what tf_keras adds to the configs of TensorFlow 2.0 to 2.12, which Teachable Machine runs."""
    if isinstance(value, dict):
        for key in ("module", "registered_name", "build_config", "optional"):
            value.pop(key, None)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        forget_modules(item)


def export_model(folder, last="out_relu"):
    """Writes `keras_model.h5` and `labels.txt`; returns the folder, pictures, and what the model says to them.

    Args:
        folder: Where.
        last: The layer of MobileNetV2 that is its last one.
    """
    tf_keras.utils.set_random_seed(1)
    base = tf_keras.applications.MobileNetV2((224, 224, 3), alpha=0.35, weights=None, include_top=False)
    base = tf_keras.Model(base.input, base.get_layer(last).output, name="model1")
    rng = np.random.default_rng(2)
    base.set_weights([rng.uniform(0.7, 1.3, w.shape) if w.ndim == 1 else w for w in base.get_weights()])
    features = tf_keras.Sequential([base, tf_keras.layers.GlobalAveragePooling2D(name="global_average_pooling")])
    head = tf_keras.Sequential(
        [
            tf_keras.layers.Dense(100, "relu", input_shape=base.output_shape[-1:], name="dense_Dense1"),
            tf_keras.layers.Dense(3, "softmax", use_bias=False, name="dense_Dense2"),
        ]
    )
    model = tf_keras.Sequential([features, head])
    save(model, folder / "keras_model.h5")
    change_config(folder / "keras_model.h5", forget_modules)
    (folder / "labels.txt").write_text("".join(f"{i} {label}\n" for i, label in enumerate(LABELS)), "utf-8")
    pictures = rng.uniform(-1, 1, (2, 224, 224, 3)).astype(np.float32)
    expected = model.predict(pictures, verbose=0)
    assert expected.max() < 0.99
    return folder, pictures, expected


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An export of the first five of the 17 blocks, which differ in all that blocks differ in; see `export_model`."""
    return export_model(tmp_path_factory.mktemp("converted_keras"), "block_4_add")


@pytest.fixture
def export(exported, tmp_path):
    """A copy of the exported files, to change."""
    for file in exported[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def check(path, exported, compare):
    loaded = compare(path, *exported[1:])
    assert loaded.labels == LABELS
    assert loaded.preprocessing == "-1..1"


def zipped(folder):
    path = folder / "converted_keras.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("keras_model.h5", "labels.txt"):
            archive.write(folder / name, name)
    return path


def test_keras_alone_refuses_the_export(exported):
    """Without this, the package would not be needed."""
    with pytest.raises(TypeError, match=r"Unrecognized keyword arguments passed to DepthwiseConv2D: \{'groups': 1\}"):
        keras.saving.load_model(exported[0] / "keras_model.h5")


def test_zip_folder_and_file_open_as_they_are(export, exported, compare):
    for path in (zipped(export), export, export / "keras_model.h5"):
        check(path, exported, compare)


@pytest.mark.slow
def test_the_whole_network_opens(tmp_path, compare):
    check(tmp_path, export_model(tmp_path), compare)


def test_a_zip_finds_the_labels_that_lie_beside_it(export, exported, compare):
    path = export / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(export / "keras_model.h5", "keras_model.h5")
    check(path, exported, compare)


@pytest.mark.slow
def test_a_zip_of_the_saved_model_opens(export, exported, compare):
    """The other export, `converted_savedmodel.zip`."""
    model = tf_keras.models.load_model(export / "keras_model.h5", compile=False)
    save(model, export / "model.savedmodel", save_format="tf", save_traces=False)
    path = export / "converted_savedmodel.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(export / "labels.txt", "labels.txt")
        for file in (export / "model.savedmodel").rglob("*"):
            archive.write(file, file.relative_to(export))
    check(path, exported, compare)


def as_lists(config):
    """Writes Sequentials as TensorFlow.js does: a list of layers, without inputs and build settings."""
    if config["class_name"] == "Sequential":
        inner = [layer for layer in config["config"]["layers"] if layer["class_name"] != "InputLayer"]
        for layer in inner:
            as_lists(layer)
        if inner[0]["class_name"] == "Dense":
            inner[0]["config"]["batch_input_shape"] = [None, _CHANNELS]
        config["config"] = inner
    elif config["class_name"] == "Functional":
        config["class_name"] = "Model"


def test_sequentials_as_lists_of_layers_open(export, exported, compare):
    change_config(export / "keras_model.h5", as_lists)
    check(export, exported, compare)


def test_weights_whose_names_were_made_unique_are_found(export, exported, compare):
    with h5py.File(export / "keras_model.h5", "r+") as file:
        groups = [group for group in file["model_weights"].values() if len(group.attrs.get("weight_names", []))]
        for group in groups:
            names = list(group.attrs["weight_names"])
            renamed = ["_1/".join(name.rsplit("/", 1)) for name in names]
            for old, new in zip(names, renamed, strict=True):
                group.move(old, new)
            group.attrs["weight_names"] = renamed
    check(export, exported, compare)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("0 Cup\n1 2 Euro\n", ("Cup", "2 Euro")),
        ("\ufeff0 Cup\r\n1 Mug\r\n\r\n", ("Cup", "Mug")),
        ("cup\nmug\n", ("cup", "mug")),
        ("7 dwarfs\n1 snow white\n", ("7 dwarfs", "1 snow white")),
        ("", None),
    ],
)
def test_labels_lose_the_numbers_that_count_them(export, text, labels):
    (export / "labels.txt").write_text(text, "utf-8", newline="")
    assert load_keras_model(export / "keras_model.h5").labels == labels


def test_another_model_has_no_preprocessing(tmp_path):
    model = tf_keras.Sequential([tf_keras.layers.Input((8, 8, 3)), tf_keras.layers.Conv2D(2, 3)])
    save(model, tmp_path / "keras_model.h5")
    Path(tmp_path / "labels.txt").write_text("0 a\n1 b\n")
    loaded = load_keras_model(tmp_path)
    assert (loaded.labels, loaded.preprocessing) == (("a", "b"), None)
