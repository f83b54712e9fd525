"""A network to explain, as a Keras graph: one input with places, logits, and the activations between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras.src.ops.function import make_node_key

from live_cam.errors import UnknownLayerError
from live_cam.models.layers import unknown_layer
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
        layers = self.model.operations
        first = next((i for i, layer in enumerate(layers) if isinstance(layer, _CONVOLUTIONS)), len(layers))
        outputs = {layer.name: outputs_of(self.model, layer) for layer in layers[first:] if not _is_inactive(layer)}
        sizes = {name: self._size(*tensors) for name, tensors in outputs.items() if len(tensors) == 1}
        return {name: size for name, size in sizes.items() if size is not None}

    @property
    def offered(self) -> list[str]:
        """Those of `activations` to offer, input side first, the last of which is the default.

        For each height and width it is the last through which everything passes that the logits depend on: a map of one
        of several branches would show a part of the reasons only.
        """
        padded = {layer.name for layer in self.model.operations if isinstance(layer, _PADDING)}
        passed = self._passed_by_all() - padded
        sizes = {name: size[:2] for name, size in self.activations.items() if name in passed}
        return list({size: name for name, size in sizes.items()}.values()) or list(self.activations)[-1:]

    def _passed_by_all(self) -> set[str]:
        """Returns the layers through which all paths from the input to the logits lead."""
        by_depth = self.model._nodes_by_depth
        nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
        sources = {id(node): [_node(tensor) for tensor in node.input_tensors] for node in nodes}
        to_node: dict[int, int] = {}
        for node in nodes:
            to_node[id(node)] = sum(to_node[id(source)] for source in sources[id(node)]) or 1
        from_node = dict.fromkeys(to_node, 0)
        last = _node(self.model.output)
        from_node[id(last)] = 1
        for node in reversed(nodes):
            for source in sources[id(node)]:
                from_node[id(source)] += from_node[id(node)]
        total = to_node[id(last)]
        return {node.operation.name for node in nodes if to_node[id(node)] * from_node[id(node)] == total}

    def require_activation(self, layer: str) -> None:
        """Raises `UnknownLayerError` if there is no such layer, or its output has no places."""
        sizes = self.activations
        if layer in sizes:
            return
        if any(other.name == layer for other in self.model.operations):
            raise UnknownLayerError(f"layer {layer!r} has no spatial output to map; the default is {self.offered[-1]}")
        raise unknown_layer(self.model.name, layer, self.offered, sizes)

    def _size(self, output: Any) -> tuple[int, int, int] | None:
        if len(output.shape) != 4:
            return None
        height, width, channels = (output.shape[axis] for axis in ((2, 3, 1) if self.channels_first else (1, 2, 3)))
        return (height, width, channels) if height * width > 1 else None


_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


_INACTIVE = (keras.layers.Dropout, keras.layers.SpatialDropout2D, keras.layers.GaussianNoise, keras.layers.Identity)
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D, keras.layers.UpSampling2D)


def outputs_of(model: Any, operation: Any) -> list[Any]:
    """Returns what a layer or operation outputs in a model: several tensors if it is called several times."""
    calls = [node for i, node in enumerate(operation._inbound_nodes) if make_node_key(operation, i) in model._nodes]
    return [output for call in calls for output in call.output_tensors]


def _node(tensor: Any) -> Any:
    """Returns the call of an operation that a tensor comes from."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _is_inactive(layer: Any) -> bool:
    is_linear = isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.linear
    return is_linear or isinstance(layer, _INACTIVE)
