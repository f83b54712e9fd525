"""Reads how the layers of a saved graph call each other, in the notations of Keras 2 and Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from live_cam.errors import ModelError


@dataclass(frozen=True)
class Reference:
    """A tensor of the graph: output number `output` of the call number `call` of a layer."""

    layer: str
    call: int
    output: int


@dataclass
class Call:
    """The arguments of one call; tensors are `Reference`s, anywhere within lists and dicts."""

    args: list[Any]
    kwargs: dict[str, Any]

    def resolved(self, resolve: Callable[[Reference], Any]) -> Call:
        """Returns the call with tensors in place of references."""
        return Call(_mapped(self.args, resolve), _mapped(self.kwargs, resolve))


def references(value: Any) -> Iterator[Reference]:
    """Yields the references in a call, list or dict."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Call):
        yield from references(value.args)
        yield from references(value.kwargs)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        yield from references(list(value.values()))


def read_calls(inbound_nodes: list[Any]) -> list[Call]:
    """Reads `inbound_nodes` of a layer."""
    return [_keras3_call(node) if isinstance(node, dict) else _keras2_call(node) for node in inbound_nodes]


def read_structure(value: Any) -> Any:
    """Reads `input_layers` or `output_layers`: references in lists or dicts."""
    if _is_reference(value):
        return Reference(value[0], value[1], value[2])
    if isinstance(value, dict):
        return {name: read_structure(item) for name, item in value.items()}
    if not isinstance(value, list):
        raise ModelError(f"its inputs or outputs are described by {value!r:.80}")
    items = [read_structure(item) for item in value]
    return items[0] if len(items) == 1 else items


def read_value(value: Any) -> Any:
    """Reads an argument of Keras 3 or a slice of Keras 2.

    Raises:
        ModelError: It holds an object that is neither a tensor nor a plain value.
    """
    if isinstance(value, list):
        return [read_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config", {})
    if kind is None:
        if set(value) == {"start", "stop", "step"}:
            return slice(value["start"], value["stop"], value["step"])
        return {name: read_value(item) for name, item in value.items()}
    if kind == "__keras_tensor__":
        layer, call, output = config["keras_history"]
        return Reference(str(layer), int(call), int(output))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == "__slice__":
        return slice(config["start"], config["stop"], config["step"])
    if kind in ("__numpy__", "__tensor__"):
        dtype = np.dtype(str(config["dtype"]))
        if dtype.kind not in "fiub":
            raise ModelError(f"an argument of a layer has the type {dtype.str!r:.80}, which is no number")
        return np.array(config["value"], dtype)
    raise ModelError(f"an argument of a layer is an object of the class {kind!r:.80}, which is not opened")


def _keras3_call(node: dict[str, Any]) -> Call:
    return Call(read_value(node["args"]), {name: read_value(item) for name, item in node["kwargs"].items()})


def _keras2_call(node: list[Any]) -> Call:
    inputs = [node] if node and isinstance(node[0], str) else node
    tensors: list[Any] = []
    kwargs: dict[str, Any] = {}
    for entry in inputs:
        if not isinstance(entry, list) or len(entry) < 3 or not isinstance(entry[0], str):
            raise ModelError(f"an input of a layer is described by {entry!r:.80}")
        # The first argument of an operation may be a number.
        tensors.append(entry[2] if entry[0] == "_CONSTANT_VALUE" else Reference(entry[0], entry[1], entry[2]))
        kwargs = entry[3] if len(entry) > 3 else {}
    return Call([tensors[0] if len(tensors) == 1 else tensors], {name: _keras2_value(v) for name, v in kwargs.items()})


def _keras2_value(value: Any) -> Any:
    if _is_reference(value):
        return Reference(value[0], value[1], value[2])
    if isinstance(value, list):
        return [_keras2_value(item) for item in value]
    return read_value(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and [type(item) for item in value] == [str, int, int]


def _mapped(value: Any, resolve: Callable[[Reference], Any]) -> Any:
    if isinstance(value, Reference):
        return resolve(value)
    if isinstance(value, list):
        return [_mapped(item, resolve) for item in value]
    if isinstance(value, tuple):
        return tuple(_mapped(item, resolve) for item in value)
    if isinstance(value, dict):
        return {name: _mapped(item, resolve) for name, item in value.items()}
    return value
