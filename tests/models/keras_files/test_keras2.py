from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from live_cam.models.keras_files.load import load_keras_model
from tests.models.keras_files.keras2_models import MODELS, caffe_preprocessing, half_precision, nested, randomized
from tests.models.keras_files.saving import save


@dataclass
class Written:
    folder: Any
    expected: Any
    build: Any

    def path(self, kind):
        return self.folder / {"h5": "model.h5", "keras": "model.keras", "SavedModel": "saved_model"}[kind]


@pytest.fixture(scope="session", params=MODELS, ids=lambda build: build.__name__)
def written(request, pictures, tmp_path_factory):
    """A model of Keras 2, written in each of its formats, and what it says to the pictures."""
    model = randomized(request.param())
    expected = model.predict(pictures, verbose=0)
    result = Written(tmp_path_factory.mktemp(request.param.__name__), expected, request.param)
    save(model, result.path("h5"))
    if request.param is not caffe_preprocessing:  # tf_keras can't write its ellipsis
        save(model, result.path("keras"))
    # Traces take half a minute to write where layers consist of layers; the variables lie alike without.
    save(model, result.path("SavedModel"), save_format="tf", save_traces=request.param is nested)
    return result


def test_a_model_of_keras_2_says_what_it_said_there(written, pictures, compare):
    # tf_keras can't write an ellipsis to .keras.
    kinds = ["h5", "SavedModel"] if written.build is caffe_preprocessing else ["h5", "keras", "SavedModel"]
    for kind in kinds:
        # Both round float16 where the other does not.
        compare(written.path(kind), pictures, written.expected, 5e-3 if written.build is half_precision else 1e-5)


def test_weights_are_found_by_their_order_where_their_names_were_made_unique(tmp_path, pictures, compare):
    model = randomized(nested())
    path = tmp_path / "model.h5"
    save(model, path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/base"]
        names = [name.replace("/kernel", "_1/kernel") for name in group.attrs["weight_names"]]
        for old, new in zip(group.attrs["weight_names"], names, strict=True):
            if old != new:
                group.move(old, new)
        group.attrs["weight_names"] = names
    compare(path, pictures, model.predict(pictures, verbose=0))


def test_the_first_keras_files_of_keras_2_name_their_layers_otherwise(tmp_path, pictures, compare):
    """Up to 2.13 the groups hung below `_layer_checkpoint_dependencies`."""
    model = randomized(nested())
    save(model, tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as archive:
        archive.extractall(tmp_path / "unpacked")
    with h5py.File(tmp_path / "unpacked/model.weights.h5", "r+") as file:
        file.move("layers/functional/layers", "layers/functional/_layer_checkpoint_dependencies")
        file.move("layers", "_layer_checkpoint_dependencies")
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        for member in (tmp_path / "unpacked").iterdir():
            archive.write(member, member.name)
    compare(tmp_path / "old.keras", pictures, model.predict(pictures, verbose=0))


def test_the_saved_models_of_tensorflow_2_0_to_2_4_hold_the_layers_in_the_graph_file(tmp_path, pictures, compare):
    model = randomized(nested())
    save(model, tmp_path / "model", save_format="tf", save_traces=False)
    config = json.dumps({"class_name": "Functional", "config": model.get_config()})
    graph_file = tmp_path / "model/saved_model.pb"
    graph = saved_model_pb2.SavedModel.FromString(graph_file.read_bytes())
    graph.meta_graphs[0].object_graph_def.nodes[0].user_object.metadata = config
    graph_file.write_bytes(graph.SerializeToString())
    (tmp_path / "model/keras_metadata.pb").unlink()
    compare(tmp_path / "model", pictures, model.predict(pictures, verbose=0))


def test_the_loaded_model_can_be_differentiated_and_saved(written, pictures, tmp_path):
    model = load_keras_model(written.path("h5")).model
    tensor = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = sum(tf.reduce_sum(tf.cast(output, tf.float32)) for output in keras.tree.flatten(model(tensor)))
    assert np.isfinite(tape.gradient(total, tensor)).all()
    save(model, tmp_path / "again.keras")
    assert load_keras_model(tmp_path / "again.keras").model.count_params() == model.count_params()
