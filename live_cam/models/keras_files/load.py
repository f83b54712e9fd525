"""Opens a Keras model, whatever version of Keras saved it and in whichever format."""

from __future__ import annotations

import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import keras
from keras.src.backend.common import global_state

from live_cam.errors import ModelError
from live_cam.models.keras_files.archive import read_json, unpack
from live_cam.models.keras_files.hdf5 import num_values, open_hdf5, read_text
from live_cam.models.keras_files.layers import LayerFactory
from live_cam.models.keras_files.saved_model import Checkpoint, read_config
from live_cam.models.keras_files.structure import GraphBuilder, Part
from live_cam.models.keras_files.teachable import TEACHABLE_PREPROCESSING, is_teachable, read_labels
from live_cam.models.keras_files.weights import assign_h5, assign_v3, count_declared, variables

_CONFIG: Final = "config.json"
_WEIGHTS: Final = "model.weights.h5"
_SAVED_MODEL: Final = "saved_model.pb"
_PRELUDES: Final = ("Exception encountered when calling", "Could not automatically infer the output shape")
_WEIGHTS_ONLY: Final = (
    "it holds weights only, without the layers; load them into your model and save it whole: model.save('model.keras')"
)


@dataclass(frozen=True)
class LoadedModel:
    """A model of somebody else, ready to run.

    Attributes:
        model: A built `keras.Model` of Keras 3.
        labels: The names of the classes in the order of the file beside the model, or None if there is none.
        preprocessing: `-1..1` for what Teachable Machine exported; None if the model takes what it was trained with and
            the file does not say what that was.
    """

    model: Any
    labels: tuple[str, ...] | None
    preprocessing: str | None


def load_keras_model(path: Path, trusted: bool = False) -> LoadedModel:
    """Opens a model of Keras 2 or 3.

    Layers and graph are rebuilt from their description: unless the file is trusted, no class, function or module is
    looked up by a name from the file, and nothing is unpickled.

    Args:
        path: A .keras or .h5 file, a SavedModel folder of Keras 2, or what Teachable Machine exports: the zip, its
            folder, or `keras_model.h5` beside `labels.txt`. The content decides, not the suffix.
        trusted: Lambda layers may run the code that they hold, and classes of other modules are imported.

    Raises:
        ModelError: The file is damaged or of another kind, or the model has layers that are not Keras's own.
    """
    try:
        return _load(path, trusted)
    except Exception as error:  # damaged files fail in dozens of ways, in h5py, TensorFlow and Keras
        raise ModelError(f"{path}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Returns in one line what is wrong; Keras copies errors and puts lines before them."""
    chain = [error]
    while (inner := chain[-1].__context__) is not None:
        chain.append(inner)
    ours = [link for link in chain if isinstance(link, ModelError)]
    if ours:
        return str(ours[-1])
    lines = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith(_PRELUDES)]
    return f"it can't be rebuilt ({lines[0] if lines else type(error).__name__:.200})"


def _load(path: Path, trusted: bool) -> LoadedModel:
    if path.is_dir():
        return _load_folder(path, trusted)
    if not path.is_file():
        raise ModelError("there is no such file or folder")
    if zipfile.is_zipfile(path):
        with tempfile.TemporaryDirectory(prefix="live_cam_model_") as folder:
            unpack(path, Path(folder))
            loaded = _load_folder(Path(folder), trusted)
        return LoadedModel(loaded.model, loaded.labels or read_labels(path.parent), loaded.preprocessing)
    if h5py.is_hdf5(path):
        return _load_h5(path, trusted)
    raise ModelError("it is not a Keras model: neither .keras nor .h5, or it is cut short")


def _load_folder(folder: Path, trusted: bool) -> LoadedModel:
    """Opens the one model in a folder, or in the one folder inside it."""
    if (folder / _CONFIG).is_file() and (folder / _WEIGHTS).is_file():
        return _load_v3(folder, trusted)
    if (folder / _SAVED_MODEL).is_file():
        return _load_saved_model(folder, trusted)
    found = [
        item
        for item in sorted(folder.iterdir())
        if item.suffix in (".h5", ".hdf5", ".keras") or (item.is_dir() and not item.name.startswith(("__", ".")))
    ]
    if len(found) != 1:
        raise ModelError(f"it holds {len(found) or 'no'} Keras models; name the one to open")
    loaded = _load(found[0], trusted) if found[0].is_file() else _load_folder(found[0], trusted)
    return LoadedModel(loaded.model, loaded.labels or read_labels(folder), loaded.preprocessing)


def _load_v3(folder: Path, trusted: bool) -> LoadedModel:
    config = read_json((folder / _CONFIG).read_bytes())
    metadata = folder / "metadata.json"
    version = read_json(metadata.read_bytes()).get("keras_version") if metadata.is_file() else None
    with open_hdf5(folder / _WEIGHTS) as file:
        part = _build(config, _is_keras2(version), trusted, num_values(file))
        assign_v3(part, file)
    return _loaded(part, config, folder)


def _load_h5(path: Path, trusted: bool) -> LoadedModel:
    with open_hdf5(path) as file:
        if "model_config" not in file.attrs:
            is_weights = "layer_names" in file.attrs or {"layers", "_layer_checkpoint_dependencies"} & set(file)
            raise ModelError(_WEIGHTS_ONLY if is_weights else "it is an HDF5 file, but no Keras model")
        if "model_weights" not in file:
            raise ModelError("it holds no weights; save the model again")
        config = read_json(file.attrs["model_config"])
        version = file.attrs.get("keras_version") or file["model_weights"].attrs.get("keras_version")
        weights = file["model_weights"]
        part = _build(config, _is_keras2(version), trusted, num_values(weights))
        assign_h5(part, weights)
    return _loaded(part, config, path.parent)


def _load_saved_model(folder: Path, trusted: bool) -> LoadedModel:
    config = read_config(folder)
    checkpoint = Checkpoint(folder)
    part = _build(config, True, trusted, checkpoint.num_values())
    checkpoint.assign(part)
    return _loaded(part, config, folder)


def _is_keras2(version: Any) -> bool:
    return version is None or not read_text(version).startswith("3.")


def _build(config: Any, is_keras2: bool, trusted: bool, num_stored: int) -> Part:
    """Builds a model, and allocates its variables only if the file holds as many values."""
    if not isinstance(config, dict):
        raise ModelError("its configuration is not that of a Keras model")
    with keras.StatelessScope(initialize_variables=False):
        try:
            part = GraphBuilder(LayerFactory(is_keras2, trusted)).build(config)
            declared = count_declared(part)
            if declared > num_stored:
                raise ModelError(f"its layers need {declared:,} weights, but the file holds {num_stored:,}")
        except BaseException:
            global_state.set_global_attribute("uninitialized_variables", [])  # they must not get values later
            raise
    with keras.StatelessScope():
        pass  # gives them their first values as it ends
    return part


def _loaded(part: Part, config: Any, folder: Path) -> LoadedModel:
    for leaf in part.leaves():
        if isinstance(leaf.layer, keras.layers.Normalization) and variables(leaf):
            leaf.layer.finalize_state()
    return LoadedModel(part.layer, read_labels(folder), TEACHABLE_PREPROCESSING if is_teachable(config) else None)
