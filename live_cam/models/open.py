"""Opens what a person gives as a model: a file, a folder, the name of a Keras application, or a Keras model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from live_cam.errors import ModelError, UsageError
from live_cam.models.applications import APPLICATIONS, find_application
from live_cam.models.classifier import Classifier
from live_cam.models.describe import Description, choose_layers, describe_file, digest_file
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.label_files import find_label_file, read_labels
from live_cam.models.model import Model
from live_cam.models.network_file import NetworkFile
from live_cam.models.preprocessing import CAFFE, NONE, PREPROCESSING, Preprocessing, parse_preprocessing
from live_cam.models.saved_graph import graph_of, holds_graph_alone
from live_cam.models.weights.find import Progress, cache_file, find_weights
from live_cam.text import encodable
from live_cam.types import Resize

_KERAS_SUFFIXES: Final = (".keras", ".h5", ".hdf5", ".zip")
_OPENVINO_SUFFIXES: Final = (".onnx", ".xml", ".tflite")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is opened; see `live_cam.explain.explainer.Explainer` for the attributes."""

    labels: str | os.PathLike[str] | Sequence[str] | None = None
    preprocess: str | None = None
    output: str | None = None
    trusted: bool = False
    weights: Path | None = None
    resize: Resize = "stretch"


def open_model(given: Any, options: ModelOptions, progress: Progress) -> Model:
    """Opens a model; a file is opened in a process of its own first, which takes seconds.

    Args:
        given: A path, a name, a `keras.Model`, or an opened model; None for ResNet50 with ImageNet's weights.
        options: How.
        progress: Opens a progress display for downloads.

    Raises:
        ModelError: It can't be opened, or is no classifier of images.
        WeightsError: The weights could not be obtained or are those of another network.
        UsageError: The options don't fit.
    """
    if isinstance(given, Model):
        return given
    if options.preprocess is not None:  # both now rather than when the model has been opened
        parse_preprocessing(options.preprocess, 3)
    if isinstance(options.labels, str | os.PathLike):
        read_labels(Path(options.labels))
    opened = replace(_open(given, options, progress), command_options=_command_options(given, options))
    if options.resize == opened.classifier.resize:
        return opened
    return replace(opened, classifier=replace(opened.classifier, resize=options.resize))


def _command_options(given: Any, options: ModelOptions) -> tuple[str, ...]:
    """Returns the options that open the same model on the command line, without the folders of its files."""
    named = {
        "--model": given if isinstance(given, str | os.PathLike) else None,
        "--labels": options.labels if isinstance(options.labels, str | os.PathLike) else None,
        "--preprocess": options.preprocess,
        "--model-output": options.output,
        "--weights": options.weights,
    }
    words = [word for name, value in named.items() if value is not None for word in (name, _without_folder(value))]
    return (*words, *(["--trust-model"] if options.trusted else []))


def _without_folder(value: str | os.PathLike[str]) -> str:
    return encodable(Path(value).name) if Path(value).exists() else str(value)


def _open(given: Any, options: ModelOptions, progress: Progress) -> Model:
    if given is None:
        return _open_resnet50(options, progress)
    if not isinstance(given, str | os.PathLike):
        return _open_in_memory(given, options)
    path = Path(given)
    if not path.exists() and (application := find_application(str(given))) is not None:
        if application == "ResNet50":
            return _open_resnet50(options, progress)
        return _open_application(application, options)
    if not path.exists():
        raise ModelError(f"there is no model file {path}, and no Keras application of that name")
    if options.weights is not None:
        raise UsageError(f"{path} holds its weights; leave out --weights")
    suffix = path.suffix.casefold()
    if path.is_file() and suffix not in (*_KERAS_SUFFIXES, *_OPENVINO_SUFFIXES):
        suffixes = ", ".join((*_KERAS_SUFFIXES, *_OPENVINO_SUFFIXES))
        raise ModelError(f"{path} is not a model file; give a folder, or a file that ends with {suffixes}")
    digest = _digest_model(path)
    kind: Literal["keras", "openvino"] = "openvino" if path.is_file() and suffix in _OPENVINO_SUFFIXES else "keras"
    file = NetworkFile(str(path), kind, preprocessing=None)
    if path.is_dir() and holds_graph_alone(path):
        file = replace(file, kind="openvino", path=str(graph_of(path, digest, cache_file().parent)))
    return _open_file(file, digest, path.stem, options, find_label_file(path))


def _digest_model(path: Path) -> str:
    """Returns the digest of a model, and of the weights beside an .xml file."""
    weights = path.with_suffix(".bin")
    return digest_file(path) + (digest_file(weights) if path.suffix == ".xml" and weights.is_file() else "")


def _open_resnet50(options: ModelOptions, progress: Progress) -> Model:
    found = find_weights(options.weights, progress)
    preprocessing = _preprocessing(options, 3) or CAFFE
    file = NetworkFile(str(found.path), "weights", preprocessing=preprocessing)
    classifier = IMAGENET_RESNET50
    if preprocessing != classifier.preprocessing:
        classifier = replace(classifier, preprocessing=preprocessing)
    if options.labels is not None:
        classifier = replace(classifier, labels=_check_labels(options.labels, len(classifier.labels)))
    return Model(classifier, found.digest, file)


def _open_application(name: str, options: ModelOptions) -> Model:
    weights = options.weights
    file = NetworkFile(str(weights or ""), "weights", name, PREPROCESSING[APPLICATIONS[name]])
    digest = f"imagenet {name} {version('keras')}" if weights is None else digest_file(weights)
    return _open_file(file, digest, name.casefold(), options)


def _open_in_memory(given: Any, options: ModelOptions) -> Model:
    import keras

    from live_cam.models.flatten import flatten

    if not isinstance(given, keras.Model):
        raise UsageError(f"a model is a file, a folder, a name or a keras.Model, not {given!r:.100}")
    network = flatten(given, NONE, options.output)
    network = replace(network, preprocessing=_preprocessing(options, network.model.input.shape[-1]) or NONE)
    digest = hashlib.sha256(b"".join(each.numpy().tobytes() for each in network.model.variables)).hexdigest()
    described = Description.of(network)
    return Model(_classifier(given.name, described, options), digest, None, described.layers, network)


def _open_file(file: NetworkFile, digest: str, name: str, options: ModelOptions, beside: Path | None = None) -> Model:
    file = replace(file.absolute(), output=options.output, trusted=options.trusted)
    described = describe_file(file, digest, cache_file().parent)
    chosen = _preprocessing(options, described.channels) or Preprocessing.from_json(described.preprocessing)
    classifier = _classifier(name, replace(described, preprocessing=asdict(chosen)), options, beside)
    return Model(classifier, digest, replace(file, preprocessing=chosen), described.layers)


def _classifier(name: str, described: Description, options: ModelOptions, beside: Path | None = None) -> Classifier:
    labels = options.labels or described.labels or beside or [f"class {i}" for i in range(described.classes)]
    layers, fused_layers = choose_layers(described)
    return Classifier(
        name,
        _check_labels(labels, described.classes),
        layers,
        fused_layers,
        described.input_px,
        Preprocessing.from_json(described.preprocessing),
        described.head,
        described.explained_by,
    )


def _preprocessing(options: ModelOptions, channels: int) -> Preprocessing | None:
    return None if options.preprocess is None else parse_preprocessing(options.preprocess, channels)


def _check_labels(labels: str | os.PathLike[str] | Sequence[str], classes: int) -> tuple[str, ...]:
    """Returns the names, from their file if one is given, once they are as many as the classes."""
    origin = ""
    if isinstance(labels, str | os.PathLike):
        origin, labels = f" in {labels}", read_labels(Path(labels))
    if len(labels) != classes:
        raise UsageError(
            f"there are {len(labels)} labels{origin}, and the model has {classes} classes; give as many with --labels"
        )
    return tuple(labels)
