"""Global average pooling behind an activation."""

from __future__ import annotations

from collections.abc import Sequence

from live_cam.models.openvino_files.graph import Graph, Node, Output, axes, static_shape
from live_cam.models.openvino_files.places import Places


def find_pooled(graph: Graph, places: Places, end: Output) -> Output | None:
    """Returns the mean over the places if nothing else of the activation reaches `end`, else None."""
    nodes = graph.between(places.output, end)
    output, order = places.output, [0, 1, 2, 3]
    while len(users := [node for node in nodes if output in graph.sources(node)]) == 1:
        node = users[0]
        if node.get_type_name() == "Transpose":
            order = [order[axis] for axis in axes(node.input_value(1))]
        elif node.get_type_name() != "Convert":
            spatial = [order.index(axis) for axis in range(1, 4) if axis != places.channel_axis]
            return node.output(0) if _averages(node, spatial) else None
        output = node.output(0)
    return None


def _averages(node: Node, spatial: Sequence[int]) -> bool:
    """Whether a node is the mean over these axes, and nothing else."""
    if node.get_type_name() == "ReduceMean":
        return sorted(axis % 4 for axis in axes(node.input_value(1))) == sorted(spatial)
    if node.get_type_name() == "AvgPool":
        _, _, *size = static_shape(node.input_value(0)) or (0, 0)
        _, _, *pooled = static_shape(node.output(0)) or (0, 0)
        return list(spatial) == [2, 3] and list(node.get_attributes()["kernel"]) == size and pooled == [1, 1]
    return False
