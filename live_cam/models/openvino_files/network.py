"""A classifier from a file of ONNX, OpenVINO or TFLite, taken apart so that it can be explained without gradients."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset14 as ops

from live_cam.errors import ModelError
from live_cam.models.linear_head import LinearHead
from live_cam.models.openvino_files.class_scores import find_class_scores, find_output
from live_cam.models.openvino_files.fold import fold_constants
from live_cam.models.openvino_files.graph import Graph, Node, Output
from live_cam.models.openvino_files.image_input import ImageInput, find_image_input, fix_shape, take_nhwc
from live_cam.models.openvino_files.linear_head import find_linear_head
from live_cam.models.openvino_files.masked_head import masked_head
from live_cam.models.openvino_files.metadata import find_labels, find_size
from live_cam.models.openvino_files.places import Places, find_places
from live_cam.models.openvino_files.pooling import find_pooled
from live_cam.models.openvino_files.read import read_file, reason, refuse_huge
from live_cam.models.openvino_files.shuffle import shuffle_weights
from live_cam.models.preprocessing import LUMA, Preprocessing
from live_cam.types import Head

_GENERATED_NAME: Final = re.compile(r"[A-Z]\w*_\d+$")
_MAX_PLACES: Final = 4096
_ROUNDING: Final = ("FakeQuantize", "Convert", "Subtract", "Multiply")  # to integers and back


@dataclass(frozen=True, slots=True, eq=False)
class OpenVinoNetwork:
    """A classifier, from the image to the last activation with places, and from there to the logits.

    Attributes:
        model: From float32 (1, H, W, channels), preprocessed, to the activation float32 (1, h, w, channels) and the
            logits float32 (1, classes), which are before any softmax or sigmoid of the file.
        image: What the file itself takes.
        classes: The number of logits; a file of one sigmoid unit z has two, (-z, z).
        activation: What makes probabilities of the logits.
        labels: The names of the classes in the file, or None.
        layer_name: The name of the activation in the file.
        head: The weights behind the activation if it is averaged over its places and the rest is linear, else None.
        head_model: Without a linear head: from the activation and masks to logits; see `masked_head`.
    """

    model: ov.Model
    image: ImageInput
    classes: int
    activation: Head
    labels: tuple[str, ...] | None
    layer_name: str
    head: LinearHead | None
    head_model: ov.Model | None

    def with_pixels(self, preprocessing: Preprocessing) -> ov.Model:
        """Returns `model` with an input of pixels, uint8 (1, H, W, 3), RGB."""
        model = self.model.clone()
        old = model.inputs[0].get_node()
        batch, height, width, channels = old.get_output_shape(0)
        pixels = ops.parameter([batch, height, width, 3], np.uint8, "pixels")
        values = ops.convert(pixels, "f32")
        if channels == 1:  # as Pillow converts to grey
            weighted = ops.reduce_sum(ops.multiply(values, np.array(LUMA, np.float32)), np.array([3]), keep_dims=True)
            values = ops.floor(ops.divide(ops.add(weighted, np.float32(32768)), np.float32(65536)))
        if preprocessing.bgr:
            values = ops.gather(values, np.arange(self.image.channels)[::-1].copy(), np.int64(3))
        scale, offset = (np.array(each, np.float32) for each in (preprocessing.scale, preprocessing.offset))
        values = ops.add(ops.multiply(values, scale), offset)
        for target in old.output(0).get_target_inputs():
            target.replace_source_output(values.output(0))
        return ov.Model([each.get_node().input_value(0) for each in model.outputs], [pixels])


def read_network(path: Path, output: str | None = None, shuffle_seed: int | None = None) -> OpenVinoNetwork:
    """Reads a classifier and finds in its graph what can be explained.

    Args:
        path: A file that ends in .onnx, .xml or .tflite.
        output: The name of the output with the classes, if there are several.
        shuffle_seed: What shuffles the weights; None to leave them as they are.

    Raises:
        ModelError: The file can't be read, or is no classifier of one image with places.
    """
    try:
        return _take_apart(read_file(path), path, output, shuffle_seed)
    except (RuntimeError, UnicodeDecodeError) as error:  # what a damaged file holds that OpenVINO let through
        raise ModelError(f"{path} can't be taken apart ({reason(error)}); export it again") from error


def _take_apart(file: ov.Model, path: Path, output: str | None, shuffle_seed: int | None) -> OpenVinoNetwork:
    image = find_image_input(file, path, find_size(file))
    fix_shape(file, image, path)
    refuse_huge(file, path)
    fold_constants(file)
    parameter, value_range = take_nhwc(file, image)
    graph_of_output = ov.Model([find_output(file, output, path)], [parameter])
    if shuffle_seed is not None:
        shuffle_weights(graph_of_output, shuffle_seed)
    graph = Graph(graph_of_output)
    scores = find_class_scores(graph, graph_of_output.outputs[0].get_node().input_value(0), path)
    places = find_places(graph, scores.raw, path)
    pooled = find_pooled(graph, places, scores.raw)
    head = None if pooled is None else find_linear_head(graph, pooled, scores.raw, places.shape[2])
    if head is None:
        _require_few(places, path)
    elif scores.is_single:
        head = head.negated_and_itself()
    logits = scores.logits()
    return OpenVinoNetwork(
        model=ov.Model([places.nhwc(), logits], [parameter]),
        image=replace(image, value_range=value_range),
        classes=scores.classes,
        activation=scores.activation,
        labels=find_labels(file, path, scores.classes),
        layer_name=_layer_name(graph_of_output, places.output, path),
        head=head,
        head_model=masked_head(places, pooled, logits, parameter) if head is None else None,
    )


def _require_few(places: Places, path: Path) -> None:
    height, width, _ = places.shape
    if height * width > _MAX_PLACES:
        raise ModelError(
            f"{path} has {width}x{height} places before its dense layers, which have to run for each; at most "
            f"{_MAX_PLACES} are explained: export it for smaller images"
        )


def _layer_name(model: ov.Model, output: Output, path: Path) -> str:
    """Returns the name of a node; one whose file has none is numbered among those of its type."""
    node = _before_rounding(output.get_node())
    name, kind = str(node.get_friendly_name()), node.get_type_name()
    is_named = path.suffix.lower() != ".tflite" and name.startswith(kind)
    if is_named or not _GENERATED_NAME.match(name):
        return name
    alike = [each.get_name() for each in model.get_ordered_ops() if each.get_type_name() == kind]
    return f"{kind}_{alike.index(node.get_name()) + 1}"


def _before_rounding(node: Node) -> Node:
    """Returns the layer whose values a quantised file rounds in this node, or the node itself."""
    before = node
    while before.get_type_name() in _ROUNDING:
        kind, before = before.get_type_name(), before.input_value(0).get_node()
        if kind == "FakeQuantize":
            node = before
    return node
