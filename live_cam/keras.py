"""What a Keras model looks at while it learns: a callback for `model.fit`."""

from __future__ import annotations

import gc
import logging
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from PIL import Image

from live_cam.api.explainer import Explainer
from live_cam.api.images import ImageLike, as_frame
from live_cam.errors import UsageError
from live_cam.explain.arguments import check_choices, check_layer
from live_cam.files import new_file, require_absent, write_error
from live_cam.render.sheet import draw_sheet, stack_sheets
from live_cam.types import Method

_log = logging.getLogger("live_cam")


class ExplanationCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Explains some images at the end of epochs, with the weights of that time.

    Each epoch has a folder, such as `epoch_001`, with the overlay of each image as `.png`, map and logits as `.npz`,
    and all images with their raw maps, overlays and top classes in `sheet.png`. Training goes on as without the
    callback: what can't be explained or written is a warning, once.

    Example:
        >>> from live_cam.keras import ExplanationCallback
        >>> model.fit(pictures, labels, epochs=5, callbacks=[ExplanationCallback(["cat.jpg"], "maps")])
    """

    def __init__(
        self,
        images: Sequence[ImageLike],
        folder: str | os.PathLike[str],
        every: int = 1,
        layer: str | None = None,
        method: Method = "gradcam",
        labels: str | os.PathLike[str] | Sequence[str] | None = None,
        preprocess: str | None = None,
    ) -> None:
        """Reads the images and creates the folder.

        Args:
            images: Images of any kind that `live_cam.Explainer` takes.
            folder: Where to write; nothing in it is overwritten.
            every: Every how many epochs.
            layer: The activation to explain; None for the last convolutional one.
            method: The saliency method.
            labels: The names of the classes, or a file of them.
            preprocess: What the model receives of pixels 0..255, as for `live_cam.Explainer`.

        Raises:
            SourceError: An image can't be read.
            OutputError: The folder can't be created.
            UsageError: An argument is none of its choices, there is no image, or Keras does not run on TensorFlow.
        """
        super().__init__()
        check_choices(method=method)
        check_layer(layer, method)
        if every < 1:
            raise UsageError(f"every is 1 or more epochs, not {every!r}")
        if not isinstance(images, list | tuple) or not images:
            raise UsageError("images are a list of at least one image; give a stack of images as list(images)")
        if keras.backend.backend() != "tensorflow":
            raise UsageError(f"gradients need Keras on TensorFlow, not on {keras.backend.backend()}")
        self._frames = [as_frame(image, f"image {number}") for number, image in enumerate(images)]
        self._folder = Path(folder)
        self._every = every
        self._options: dict[str, Any] = {"layer": layer, "method": method, "labels": labels, "preprocess": preprocess}
        self._has_warned = False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self._folder, error) from error

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Explains the images, if it is their turn."""
        if (epoch + 1) % self._every:
            return
        state = random.getstate()  # Keras draws the seeds of new layers from it
        try:
            self._write(self._folder / f"epoch_{epoch + 1:03}")
        except Exception as error:
            if not self._has_warned:
                _log.warning("epoch %d is not explained, and training goes on: %s", epoch + 1, error)
            self._has_warned = True
        finally:
            random.setstate(state)
            gc.collect()  # graphs and layers refer to each other, and so to a copy of the weights

    def _write(self, folder: Path) -> None:
        require_absent(folder)
        # The weights are others each time: to convert or optimise the network would take longer than to explain.
        explainer = Explainer(self.model, runtime="tensorflow", precision="float32", optimize=False, **self._options)
        results = explainer.explain(self._frames)
        try:
            folder.mkdir()
        except OSError as error:
            raise write_error(folder, error) from error
        for number, result in enumerate(results):
            name = f"{number}-{Path(result.frame.source_id).stem}" if result.frame.source_id else str(number)
            result.save(folder / f"{name}.png")
            result.save(folder / f"{name}.npz")
        with new_file(folder / "sheet.png") as file:
            sheets = [draw_sheet(result.frame, result) for result in results]
            Image.fromarray(stack_sheets(sheets)).save(file, format="PNG")
