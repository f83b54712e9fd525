"""Heads that a person has taught: weights, labels and what network they belong to, in one file without pictures."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import ModelError, UsageError
from live_cam.files import new_file, require_new
from live_cam.models.classifier import Classifier
from live_cam.models.linear_head import LinearHead
from live_cam.text import encodable
from live_cam.types import Resize

MAX_CLASSES: Final = 1000
MAX_LABEL_CHARS: Final = 100
_MAX_BYTES: Final = 100_000_000
_FORMAT: Final = "live_cam head 1"


@dataclass(frozen=True, slots=True, eq=False)
class TaughtHead:
    """A head in place of a network's own, for classes of one's own.

    Attributes:
        head: The weights.
        labels: The names of the classes.
        evidence_logits: The logits of the top class at which its evidence starts and is full.
        digest: See `network_digest`; what the head was taught on.
        resize: How frames became inputs.
        name: Of the classifier that it makes of a network.
    """

    head: LinearHead
    labels: tuple[str, ...]
    evidence_logits: tuple[float, float]
    digest: str
    resize: Resize = "stretch"
    name: str = "taught"

    def classifier(self, base: Classifier) -> Classifier:
        """Returns what a network offers with this head: its own classes, at the last layer."""
        layer = base.default_layer
        return replace(
            base,
            name=self.name,
            labels=self.labels,
            layers={layer: base.layers[layer]},
            fused_layers=(layer,),
            head="softmax",
            explained_by="cam",
            evidence_logits=self.evidence_logits,
        )

    def require_network(self, classifier: Classifier, weights_digest: str) -> None:
        """Raises `UsageError` unless the head was taught on this network, with frames resized as for it."""
        if self.digest != network_digest(classifier, weights_digest):
            raise UsageError(
                f"the head {self.name} was taught on another network than {classifier.name}; give its --model and "
                "--preprocess, or teach it again"
            )
        if self.resize != classifier.resize:
            raise UsageError(f"the head {self.name} was taught with --resize {self.resize}; add that")

    def weights_digest(self, of_network: str) -> str:
        """Returns SHA-256 (hex) of a network's digest with the weights and labels of the head."""
        digest = hashlib.sha256(of_network.encode())
        for part in (self.head.weights.tobytes(), self.head.bias.tobytes(), repr(self.labels).encode()):
            digest.update(part)
        return digest.hexdigest()

    def write(self, file: Any) -> None:
        """Writes the head as `.npz` into an open binary file."""
        np.savez(
            file,
            format=np.array(_FORMAT),
            weights=self.head.weights,
            bias=self.head.bias,
            labels=np.array(self.labels),
            evidence_logits=np.array(self.evidence_logits),
            digest=np.array(self.digest),
            resize=np.array(self.resize),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the head to a new `.npz` file.

        Raises:
            UsageError: The file has another suffix.
            OutputError: It exists, or can't be written.
        """
        path = Path(path)
        require_new(path, ".npz")
        with new_file(path) as file:
            self.write(file)


def network_digest(classifier: Classifier, weights_digest: str) -> str:
    """Returns a digest of what the features of a frame depend on: weights, preprocessing and layer."""
    parts = (weights_digest, repr(classifier.preprocessing), classifier.default_layer)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_head(path: str | os.PathLike[str]) -> TaughtHead:
    """Reads a head, without pickle.

    Raises:
        ModelError: The file can't be read, or is none of a head.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > _MAX_BYTES:
                raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as arrays:
            return _checked(dict(arrays), encodable(path.stem))
    except OSError as error:
        raise ModelError(
            f"the head {path} can't be read ({error.strerror}); give a file of `live-cam teach`"
        ) from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0][:100]
        raise ModelError(f"{path} is no head of taught classes ({reason}); give a file of `live-cam teach`") from error


def _checked(arrays: dict[str, NDArray[Any]], name: str) -> TaughtHead:
    """Returns the head that some arrays are.

    Raises:
        ValueError: They are none.
        KeyError: One is missing.
    """
    if str(arrays["format"]) != _FORMAT:
        raise ValueError("its format is another")
    weights, bias, ramp = arrays["weights"], arrays["bias"], arrays["evidence_logits"]
    labels = arrays["labels"]
    classes = len(bias) if bias.ndim == 1 else 0
    shapes_fit = weights.ndim == 2 and weights.shape[1] == classes and labels.shape == (classes,) and ramp.shape == (2,)
    if not shapes_fit or not 2 <= classes <= MAX_CLASSES or labels.dtype.kind != "U":
        raise ValueError("its shapes do not fit")
    if any(each.dtype.kind != "f" or not np.isfinite(each).all() for each in (weights, bias, ramp)):
        raise ValueError("its weights are not finite numbers")
    resize = next((each for each in get_args(Resize) if each == str(arrays["resize"])), None)
    if resize is None:
        raise ValueError("its resize is unknown")
    names = tuple(encodable(str(label))[:MAX_LABEL_CHARS] for label in labels)
    if len(set(names)) < classes:
        raise ValueError("two of its classes have one name")
    head = LinearHead(weights.astype(np.float32), bias.astype(np.float32))
    return TaughtHead(head, names, (float(ramp[0]), float(ramp[1])), str(arrays["digest"]), resize, name)
