"""The last activation of a graph that still has places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openvino import opset14 as ops

from live_cam.errors import ModelError
from live_cam.models.openvino_files.graph import Graph, Node, Output, axes, static_shape

_CONVOLUTIONS: Final = ("Convolution", "GroupConvolution")
# Operations of OpenVINO whose channels are the second axis, whatever the file's layout.
_CHANNELS_SECOND: Final = (*_CONVOLUTIONS, "MaxPool", "AvgPool")
_ATTENTION: Final = "ScaledDotProductAttention"
_NCHW_TO_NHWC: Final = [0, 2, 3, 1]


@dataclass(frozen=True, slots=True)
class Places:
    """An activation with places.

    Attributes:
        output: The activation, with four axes.
        channel_axis: 1 or 3.
        shape: Height, width and channels.
    """

    output: Output
    channel_axis: int
    shape: tuple[int, int, int]

    def nhwc(self) -> Output:
        """Returns it as float32 (1, h, w, channels)."""
        values = ops.convert(self.output, "f32")
        return (ops.transpose(values, _NCHW_TO_NHWC) if self.channel_axis == 1 else values).output(0)


def find_places(graph: Graph, logits: Output, path: Path) -> Places:
    """Finds the last activation with places through which all passes that the logits know of the image.

    Raises:
        ModelError: There is none behind a convolution, or attention follows, which mixes the places.
    """
    for output in graph.cuts(logits):
        node = output.get_node()
        shape = static_shape(output)
        # Another order of the axes or type of the same values is no layer of its own.
        if node.get_type_name() in ("Transpose", "Convert") or shape is None or len(shape) != 4 or shape[0] != 1:
            continue
        channel_axis = _axis_before(graph, output) or _axis_behind(graph, output, logits)
        height, width = shape[2:] if channel_axis == 1 else shape[1:3]
        if height * width == 1:
            continue
        if not any(each.get_type_name() in _CONVOLUTIONS for each in _before(graph, output)):
            break
        if any(_is_attention(graph, each) for each in graph.between(output, logits)):
            raise ModelError(f"{path} ends in attention, whose tokens have no places; give a convolutional classifier")
        return Places(output, channel_axis, (height, width, shape[channel_axis]))
    raise ModelError(f"{path} has no convolution with places to explain; give a convolutional classifier")


def _before(graph: Graph, output: Output) -> list[Node]:
    found: dict[str, Node] = {}
    unexplored = [output]
    while unexplored:
        node = unexplored.pop().get_node()
        if node.get_name() not in found:
            found[node.get_name()] = node
            unexplored += graph.sources(node)
    return list(found.values())


def _is_attention(graph: Graph, node: Node) -> bool:
    return node.get_type_name() == _ATTENTION or (node.get_type_name() == "MatMul" and len(graph.sources(node)) > 1)


def _axis_before(graph: Graph, output: Output) -> int | None:
    """Follows the axes of an activation back to an operation that knows which are its channels."""
    origin = [0, 1, 2, 3]  # of each axis of the activation, where it comes from
    while output is not None:
        node = output.get_node()
        if node.get_type_name() in _CHANNELS_SECOND:
            return origin.index(1)
        if node.get_type_name() == "Transpose":
            order = axes(node.input_value(1))
            origin = [order[axis] for axis in origin]
        output = next((each for each in graph.sources(node) if each.get_partial_shape().rank.get_length() == 4), None)
    return None


def _axis_behind(graph: Graph, output: Output, logits: Output) -> int:
    """Returns the axis that averaging leaves, else the last, where tokens that are laid out in rows have channels."""
    for node in graph.between(output, logits):
        kind = node.get_type_name()
        if output in graph.sources(node) and kind in ("ReduceMean", *_CHANNELS_SECOND):
            averaged = [axis % 4 for axis in axes(node.input_value(1))] if kind == "ReduceMean" else [2, 3]
            return 3 if 1 in averaged else 1
    return 3
