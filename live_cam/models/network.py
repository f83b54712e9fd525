"""A network to explain, as a Keras graph: one input with places, logits, and the activations between them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.ops.function import make_node_key

from live_cam.errors import UnknownLayerError
from live_cam.models.preprocessing import CAFFE, Preprocessing
from live_cam.types import Head


@dataclass(frozen=True, slots=True)
class Network:
    """A network without nested models, whose layers are those of `model`.

    Attributes:
        model: A functional `keras.Model` from preprocessed float32 (N, h, w, channels) to logits float32 (N, classes).
        preprocessing: What it receives of the pixels.
        head: How probabilities follow from its logits.
        channels_first: Whether its activations are (N, channels, h, w); its input is not.
        labels: The names of the classes; None if the file does not tell.
    """

    model: Any
    preprocessing: Preprocessing = CAFFE
    head: Head = "softmax"
    channels_first: bool = False
    labels: tuple[str, ...] | None = None

    @property
    def input_px(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width = self.model.input.shape[1:3]
        return height, width

    @property
    def classes(self) -> int:
        """The number of logits."""
        classes: int = self.model.output.shape[-1]
        return classes

    @property
    def activations(self) -> dict[str, tuple[int, int, int]]:
        """The layers that can be explained, input side first: height, width and channels by name.

        These are the layers with several places, from the first convolution on; before it there is only the input.
        Layers that only act in training are left out.
        """
        layers = self.model.layers
        first = next((i for i, layer in enumerate(layers) if isinstance(layer, _CONVOLUTIONS)), len(layers))
        outputs = {layer.name: self._outputs(layer) for layer in layers[first:] if not isinstance(layer, _INACTIVE)}
        sizes = {name: self._size(*tensors) for name, tensors in outputs.items() if len(tensors) == 1}
        return {name: size for name, size in sizes.items() if size is not None}

    def require_activation(self, layer: str) -> None:
        """Raises `UnknownLayerError` if there is no such layer, or its output has no places."""
        sizes = self.activations
        if layer in sizes:
            return
        if any(other.name == layer for other in self.model.layers):
            raise UnknownLayerError(f"layer {layer!r} has no spatial output to map; the default is {list(sizes)[-1]}")
        near = difflib.get_close_matches(layer, sizes, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "`live-cam layers` lists them"
        raise UnknownLayerError(f"{self.model.name} has no layer {layer!r}; {hint}")

    def _outputs(self, layer: Any) -> list[Any]:
        """Returns what a layer outputs in this model: several tensors if it is called several times."""
        keys = self.model._nodes
        calls = [node for i, node in enumerate(layer._inbound_nodes) if make_node_key(layer, i) in keys]
        return [output for call in calls for output in call.output_tensors]

    def _size(self, output: Any) -> tuple[int, int, int] | None:
        if len(output.shape) != 4:
            return None
        height, width, channels = (output.shape[axis] for axis in ((2, 3, 1) if self.channels_first else (1, 2, 3)))
        return (height, width, channels) if height * width > 1 else None


_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


_INACTIVE = (keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.GaussianNoise, keras.layers.Identity)
