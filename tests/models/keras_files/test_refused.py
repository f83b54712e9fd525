"""What is refused, and what the message says to do."""

from __future__ import annotations

import json
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from live_cam.errors import ModelError
from live_cam.models.keras_files.load import load_keras_model
from tests.models.keras_files.saving import save, writers_may_warn


def message(path, **options):
    with pytest.raises(ModelError) as caught:
        load_keras_model(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def small(library, *middle):
    return library.Sequential(
        [library.layers.Input((8, 8, 3)), *middle, library.layers.Conv2D(2, 3), library.layers.GlobalAveragePooling2D()]
    )


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
@pytest.mark.parametrize("library", [keras, tf_keras])
def test_a_lambda_layer_runs_only_if_trusted(library, name, tmp_path):
    model = small(library, library.layers.Lambda(lambda x: x / 127.5 - 1, name="scale"))
    save(model, tmp_path / name)
    assert "layer 'scale' is a Lambda layer" in (text := message(tmp_path / name))
    assert "--trust-model" in text
    picture = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    said = load_keras_model(tmp_path / name, trusted=True).model(picture)
    np.testing.assert_allclose(said, model.predict(picture, verbose=0), rtol=0, atol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Blur(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    def call(self, x):
        return x


def test_a_class_of_somebody_else_is_imported_only_if_the_file_is_trusted(tmp_path, monkeypatch):
    save(small(keras, Blur(name="blur")), tmp_path / "model.keras")
    assert "layer 'blur' is of the class 'Blur'" in (text := message(tmp_path / "model.keras"))
    assert "--trust-model" in text
    monkeypatch.setitem(sys.modules, Blur.__module__, sys.modules[__name__])
    layers = load_keras_model(tmp_path / "model.keras", trusted=True).model.layers
    assert [type(layer) for layer in layers if layer.name == "blur"] == [Blur]
    missing = with_config(tmp_path / "missing.keras", lambda config: conv(config).update(module="none", class_name="X"))
    assert "install the module, or name its folder in PYTHONPATH" in message(missing, trusted=True)


def with_config(path, change, model=None):
    """Writes a .keras file of Keras 3 with a changed config."""
    save(model or small(keras), path.with_suffix(".tmp.keras"))
    with zipfile.ZipFile(path.with_suffix(".tmp.keras")) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            target.writestr(name, data)
    return path


def conv(config):
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv2D")


HOSTILE_LAYERS = {
    "another module": {"module": "os", "class_name": "system", "config": {"command": "touch owned"}},
    "TFSMLayer": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/etc"}},
    "TorchModuleWrapper": {
        "module": "keras.layers",
        "class_name": "TorchModuleWrapper",
        "config": {"module": "gANjcG9z"},
    },
    "a vocabulary": {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "get_file": {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://127.0.0.1:1/"}},
    "an op with a function": {
        "module": "keras.src.ops.core",
        "class_name": "Map",
        "config": {"function": {"class_name": "function", "module": "os", "config": "system"}},
    },
    "a typespec": {"module": "builtins", "class_name": "__typespec__", "config": [], "spec_name": "x"},
    "a wrapper": {
        "module": "keras.layers",
        "class_name": "TimeDistributed",
        "config": {"layer": {"module": "keras.layers", "class_name": "Lambda", "config": {"function": "x"}}},
    },
}


@pytest.mark.parametrize("layer", HOSTILE_LAYERS.values(), ids=HOSTILE_LAYERS.keys())
def test_layers_that_run_code_or_read_files_are_refused_by_name(layer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = with_config(tmp_path / "model.keras", lambda config: config["config"]["layers"].insert(1, layer))
    assert layer["class_name"] in message(path) or "Lambda" in message(path)
    assert not (tmp_path / "owned").exists()


HOSTILE_SETTINGS = [
    ("activation", {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}),
    (
        "activation",
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"},
    ),
    ("activation", "my_activation"),
    ("padding", {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}),
    ("dtype", {"module": "os", "class_name": "system", "config": {"name": "ls"}}),
    ("strides", {"module": "builtins", "class_name": "eval", "config": {}}),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE_SETTINGS)
def test_settings_name_no_function_or_class(key, value, tmp_path):
    path = with_config(tmp_path / "model.keras", lambda config: conv(config)["config"].update({key: value}))
    assert "conv2d" in message(path) or "class" in message(path)


def test_classes_of_initializers_and_regularizers_are_never_looked_up(tmp_path):
    """They matter only in training, so that those of others don't stand in the way either."""
    evil = {"module": "os", "class_name": "system", "config": {"command": "touch owned"}, "registered_name": "system"}
    settings = {"kernel_initializer": evil, "kernel_regularizer": evil, "bias_constraint": evil}
    path = with_config(tmp_path / "model.keras", lambda config: conv(config)["config"].update(settings))
    assert load_keras_model(path).model.output_shape == (None, 2)


def test_a_function_of_tensorflow_without_counterpart_is_named(tmp_path):
    image = tf_keras.layers.Input((8, 8, 3))
    save(tf_keras.Model(image, tf.math.cumsum(image)), tmp_path / "model.h5")
    assert "calls tf.math.cumsum" in message(tmp_path / "model.h5")
    save(tf_keras.Model(image, tf.image.resize(image, (4, 4), "area")), tmp_path / "model.h5")
    assert "tf.image.resize with area" in message(tmp_path / "model.h5")


class Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def test_a_subclassed_model_is_refused(tmp_path):
    model = Subclassed()
    model(np.zeros((1, 4), np.float32))
    save(model, tmp_path / "model.keras")
    assert "subclassed model (Subclassed)" in message(tmp_path / "model.keras")


@pytest.mark.parametrize(("library", "name"), [(keras, "m.weights.h5"), (tf_keras, "m.weights.h5"), (tf_keras, "m.h5")])
def test_weights_alone_are_refused(library, name, tmp_path):
    with writers_may_warn():
        small(library).save_weights(tmp_path / name)
    assert "holds weights only" in (text := message(tmp_path / name))
    assert "model.save('model.keras')" in text


def test_a_graph_without_layers_is_refused(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(tf.ones(3))
    tf.saved_model.save(module, tmp_path / "plain")
    assert "save the model with model.save('model.keras')" in message(tmp_path / "plain")
    model = small(keras)
    model.export(tmp_path / "exported", verbose=False)
    assert "save the model with model.save('model.keras')" in message(tmp_path / "exported")


def test_a_quantized_model_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    with writers_may_warn():
        model.quantize("int8")
    save(model, tmp_path / "model.keras")
    assert "unquantized" in message(tmp_path / "model.keras")


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "picture.h5").write_bytes(b"\x89PNG\r\n")
    assert "not a Keras model" in message(tmp_path / "picture.h5")
    assert "no such file" in message(tmp_path / "missing.keras")
    (tmp_path / "empty").mkdir()
    assert "no Keras models" in message(tmp_path / "empty")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["data"] = np.zeros(3)
    assert "no Keras model" in message(tmp_path / "data.h5")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    assert "no Keras models" in message(tmp_path / "photos.zip")
