"""The head of a graph on its own, for an activation of which masks let places through."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import openvino as ov
from openvino import opset14 as ops

from live_cam.models.openvino_files.fold import fold_constants
from live_cam.models.openvino_files.graph import Node, Output, static_shape
from live_cam.models.openvino_files.places import Places

_NHWC_TO_NCHW = [0, 3, 1, 2]


def masked_head(places: Places, pooled: Output | None, logits: Output, image: ov.Node) -> ov.Model:
    """Cuts the head off and lets it compute many masks in one batch.

    Args:
        places: The activation that it begins with.
        pooled: Its mean over the places, if that is all that the head takes of it.
        logits: float32 (1, classes).
        image: The model's parameter.

    Returns:
        A model from the activation float32 (1, h, w, channels) and masks float32 (M, h, w, 1) to logits float32
        (M, classes). M is free, or 1 where the file has a batch of one built in.
    """
    begin = places.output if pooled is None else pooled
    model = ov.Model([begin, logits], [image])
    multiply = _multiply if pooled is None else _multiply_and_pool
    with suppress(RuntimeError):  # shapes that do not fit
        head = _cut(model.clone(), places, multiply, -1)
        if head.outputs[0].get_partial_shape()[0].is_dynamic:
            return head
    return _cut(model.clone(), places, multiply, 1)


def _cut(model: ov.Model, places: Places, multiply: Callable[..., Node], masks_n: int) -> ov.Model:
    fold_constants(model)  # what the graph computes of its own shapes reaches behind the activation
    begin, logits = (each.get_node().input_value(0) for each in model.outputs)
    if masks_n != 1:
        _free_batch(model)
    height, width, channels = places.shape
    activation = ops.parameter([1, height, width, channels], np.float32, "activation")
    masks = ops.parameter([masks_n, height, width, 1], np.float32, "masks")
    masked = ops.convert(multiply(activation, masks, places, begin), begin.get_element_type())
    for target in begin.get_target_inputs():
        target.replace_source_output(masked.output(0))
    head = ov.Model([logits], [activation, masks])
    head.validate_nodes_and_infer_types()
    return head


def _multiply(activation: Node, masks: Node, places: Places, _begin: Output) -> Node:
    masked = ops.multiply(activation, masks)
    return ops.transpose(masked, _NHWC_TO_NCHW) if places.channel_axis == 1 else masked


def _multiply_and_pool(activation: Node, masks: Node, places: Places, begin: Output) -> Node:
    """Returns the means over the places of all masked activations at once: a product of matrices."""
    height, width, channels = places.shape
    sums = ops.matmul(
        ops.reshape(masks, [-1, height * width], False),
        ops.reshape(activation, [height * width, channels], False),
        False,
        False,
    )
    means = ops.multiply(sums, np.float32(1.0 / (height * width)))
    return ops.reshape(means, [-1, *list(begin.get_shape())[1:]], False)


def _free_batch(model: ov.Model) -> None:
    """Makes each Reshape that keeps a batch of one keep any batch."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Reshape":
            before, after = static_shape(node.input_value(0)), static_shape(node.output(0))
            if before and after and before[0] == after[0] == 1:
                node.input(1).replace_source_output(ops.constant(np.array([-1, *after[1:]], np.int64)).output(0))
