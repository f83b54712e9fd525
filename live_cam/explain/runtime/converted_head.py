"""The head of a converted step, where it is linear behind the explained activation: its gradients need no computing."""

from __future__ import annotations

import numpy as np
import openvino as ov

from live_cam.models.linear_head import LinearHead
from live_cam.models.openvino_files.graph import Graph, axes
from live_cam.models.openvino_files.linear_head import find_linear_head
from live_cam.models.openvino_files.places import Places
from live_cam.models.openvino_files.pooling import find_pooled


def find_head(model: ov.Model) -> LinearHead | None:
    """Returns the head of a converted step; None if it fuses layers, or other than linear operations follow."""
    if len(model.outputs) != 3:  # activation, gradient, logits
        return None
    *_, height, width, channels = model.outputs[0].get_shape()
    activation, channel_axis = model.outputs[0].get_node().input_value(0), 3
    while (node := activation.get_node()).get_type_name() in ("Transpose", "Convert"):
        if node.get_type_name() == "Transpose":
            channel_axis = axes(node.input_value(1))[channel_axis]
        activation = node.input_value(0)
    logits = model.outputs[-1].get_node().input_value(0)
    graph = Graph(without_gradients(model))
    pooled = find_pooled(graph, Places(activation, channel_axis, (height, width, channels)), logits)
    if pooled is None:
        return None
    is_joined = logits.get_node().get_type_name() == "Concat"  # -z and z, of a network with one unit
    heads = [
        find_linear_head(graph, pooled, each, channels)
        for each in (graph.sources(logits.get_node()) if is_joined else [logits])
    ]
    found = [head for head in heads if head is not None]
    if len(found) < len(heads):
        return None
    return LinearHead(np.hstack([each.weights for each in found]), np.hstack([each.bias for each in found]))


def without_gradients(model: ov.Model) -> ov.Model:
    """Returns a converted step from frames to the activation and the logits, without targets."""
    outputs = [model.outputs[at].get_node().input_value(0) for at in (0, -1)]
    return ov.Model(outputs, [model.inputs[0].get_node()])
