"""A model as its file has it, run by Keras alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from live_cam.models.build import build_network
from live_cam.models.flatten import choose_output, functional
from live_cam.models.keras_files.load import load_keras_model
from live_cam.models.network_file import NetworkFile

_BATCH_N: Final = 8


class KerasAlone:
    """A Keras model, and for its logits the network that is explained."""

    def __init__(self, file: NetworkFile) -> None:
        """Opens the model.

        Raises:
            LiveCamError: It can't be opened.
        """
        self._network = build_network(file)
        self._model = self._network.model
        if file.kind == "keras":
            self._model = load_keras_model(Path(file.path), file.trusted).model
        elif file.application != "ResNet50":  # which is Keras's own but for its softmax
            self._model = getattr(keras.applications, file.application)(weights=file.path or "imagenet")
        self._output = file.output
        self.channels: int = self._network.model.input.shape[-1]
        dtypes = {layer.compute_dtype for layer in self._model._flatten_layers(include_self=False)}
        self.rounding = "float16" if dtypes & {"float16", "bfloat16"} else "float32"

    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `ModelAlone`."""
        takes = self._model.inputs[0].shape
        if takes[-1] != self.channels:
            values = np.moveaxis(values, -1, 1)
        outputs = choose_output(functional(self._model), _run(self._model, values), self._output)
        return np.asarray(outputs, np.float32).reshape(len(values), -1)

    def logits(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `ModelAlone`."""
        return np.asarray(_run(self._network.model, values), np.float32)


def _run(model: Any, values: NDArray[np.float32]) -> Any:
    # `predict` itself builds a pipeline of data each time, which takes longer than small models and a few images do.
    parts = [model.predict_on_batch(values[i : i + _BATCH_N]) for i in range(0, len(values), _BATCH_N)]
    return keras.tree.map_structure(lambda *each: np.concatenate(each), *parts)
