"""Builds networks from their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from live_cam.errors import WeightsError
from live_cam.models.labels import imagenet_labels
from live_cam.models.network import Network
from live_cam.models.network_file import NetworkFile
from live_cam.models.preprocessing import CAFFE, NONE, PREPROCESSING
from live_cam.models.shuffle import shuffle_all


def build_network(file: NetworkFile) -> Network:
    """Builds a network.

    Raises:
        WeightsError: The weights are those of another network, or not finite.
        ModelError: The file can't be opened, or its model is no classifier of images.
    """
    network = _build(file)
    if file.shuffle_seed is not None:
        shuffle_all(network.model, file.shuffle_seed)
    return network


def _build(file: NetworkFile) -> Network:
    if file.kind == "keras":
        return _build_keras(file)
    if file.application != "ResNet50":
        return _build_application(file)
    from live_cam.models.resnet50 import build_resnet50
    from live_cam.models.weights.find import Weights

    return Network(build_resnet50(Weights("file", Path(file.path), digest="")), file.preprocessing or CAFFE)


def _build_keras(file: NetworkFile) -> Network:
    from live_cam.models.flatten import flatten
    from live_cam.models.keras_files.load import load_keras_model

    loaded = load_keras_model(Path(file.path), file.trusted)
    preprocessing = file.preprocessing or (PREPROCESSING[loaded.preprocessing] if loaded.preprocessing else NONE)
    return replace(flatten(loaded.model, preprocessing, file.output), labels=loaded.labels)


def _build_application(file: NetworkFile) -> Network:
    """Builds a Keras application with ImageNet's classes; without a path, Keras finds or downloads its weights."""
    import keras

    from live_cam.models.flatten import flatten

    try:
        model = getattr(keras.applications, file.application)(weights=file.path or "imagenet")
    except Exception as error:  # HDF5, Keras and the network raise many types
        reason = (str(error).splitlines() or [repr(error)])[0][:200]
        raise WeightsError(
            f"no weights for {file.application}: {reason}; pass a file of its weights with --weights"
        ) from error
    return replace(flatten(model, file.preprocessing or NONE), labels=imagenet_labels())
