"""Rebuilds the graph of a saved model with the layers of Keras 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import keras

from live_cam.errors import ModelError
from live_cam.models.keras_files.layers import LayerFactory, any_batch, call_arguments, keras_name, layer_name
from live_cam.models.keras_files.nodes import Call, Reference, read_calls, read_structure, references

MAX_LAYERS: Final = 5_000
"""Those of Keras have up to 1,528; each layer takes milliseconds to build."""

_MAX_NESTED: Final = 16
_MODELS: Final = ("Functional", "Model", "Sequential")

Config = dict[str, Any]


@dataclass
class Part:
    """A layer, or a model with its layers, as the file names it.

    Attributes:
        name: Its name in the file, which may hold characters that Keras 3 forbids.
        class_name: Its class in the file.
        layer: The layer, operation or model.
        parts: The layers of a model, in the order of the file.
    """

    name: str
    class_name: str
    layer: Any
    parts: list[Part] = field(default_factory=list)

    def leaves(self) -> Iterator[Part]:
        """Yields the layers in this part that are no models."""
        if self.class_name not in _MODELS:
            yield self
        for part in self.parts:
            yield from part.leaves()


class GraphBuilder:
    """Builds models from configs of Keras 2 and 3.

    Args:
        factory: Makes the layers, and refuses those that are not Keras's own.
    """

    def __init__(self, factory: LayerFactory) -> None:
        self._factory = factory
        self._num_unnamed = 0

    def build(self, config: Config) -> Part:
        """Builds a functional or Sequential model.

        Args:
            config: `class_name` and `config`, as Keras saves them.

        Raises:
            ModelError: It is another kind of model, or its shape is unknown.
        """
        if _count_layers(config) > MAX_LAYERS:
            raise ModelError(f"it has more than {MAX_LAYERS:,} layers")
        part = self._model(config, None, 0)
        if part is None:
            raise ModelError("the model was never built; call it once on a picture, and save it again")
        return part

    def _model(self, data: Config, tensor: Any, depth: int) -> Part | None:
        """Builds a model; returns None for a Sequential without input shape as long as there is no `tensor`."""
        class_name, config = data.get("class_name"), data.get("config")
        if depth > _MAX_NESTED:
            raise ModelError(f"models are nested more than {_MAX_NESTED} deep")
        if class_name == "Sequential":
            if isinstance(config, list):  # TensorFlow.js, and Keras before 2.2
                self._num_unnamed += 1
                config = {"name": data.get("name") or f"sequential_{self._num_unnamed}", "layers": config}
            if isinstance(config, dict) and isinstance(config.get("layers"), list):
                return self._sequential(config, tensor, depth)
        elif class_name in _MODELS and isinstance(config, dict) and isinstance(config.get("layers"), list):
            return self._functional(config, depth)
        raise ModelError(
            f"it is a subclassed model ({class_name}), whose code is not in the file; build it as a functional or "
            "Sequential model, and save that"
        )

    def _layer(self, data: Config) -> Part:
        return Part(layer_name(data), data["class_name"], self._factory.layer(data))

    def _sequential(self, config: Config, tensor: Any, depth: int) -> Part | None:
        entries = [dict(entry) for entry in config["layers"]]
        parts: list[Part] = []
        if tensor is not None:
            outputs = inputs = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype)
            entries = [entry for entry in entries if entry["class_name"] != "InputLayer"]
        else:
            outputs = inputs = self._sequential_input(config, entries)
        for entry in entries:
            if entry["class_name"] == "InputLayer":
                continue
            if entry["class_name"] in _MODELS:
                part = self._model(entry, outputs, depth + 1)
                if part is None:
                    return None
                if inputs is None:
                    outputs = inputs = keras.Input(
                        batch_shape=part.layer.inputs[0].shape, dtype=part.layer.inputs[0].dtype
                    )
            elif inputs is None:
                return None
            else:
                part = self._layer(entry)
            outputs = part.layer(outputs, **call_arguments(part.layer, {}))
            parts.append(part)
        if inputs is None:
            return None
        name = str(config.get("name") or "sequential")
        return Part(name, "Sequential", keras.Model(inputs, outputs, name=keras_name(name)), parts)

    def _sequential_input(self, config: Config, entries: list[Config]) -> Any:
        if not entries:
            raise ModelError(f"the model {config.get('name')!r} has no layers")
        first = entries[0]["config"] if isinstance(entries[0].get("config"), dict) else {}
        shape = first.get("batch_shape") or first.get("batch_input_shape") or config.get("build_input_shape")
        if not shape:
            return None
        dtype = first.get("dtype") if entries[0]["class_name"] == "InputLayer" else None
        name = first.get("name") if entries[0]["class_name"] == "InputLayer" else None
        return keras.Input(
            batch_shape=any_batch(shape),
            dtype=dtype if isinstance(dtype, str) else None,
            name=keras_name(name) if isinstance(name, str) else None,
        )

    def _functional(self, config: Config, depth: int) -> Part:
        parts: dict[str, Part] = {}
        deferred: dict[str, Config] = {}
        calls: dict[str, list[Call]] = {}
        tensors: dict[tuple[str, int], list[Any]] = {}
        for entry in config["layers"]:
            name = layer_name(entry)
            calls[name] = read_calls(entry.get("inbound_nodes") or [])
            if not all(any(references(call)) for call in calls[name]):
                raise ModelError(f"layer {name!r} has no input")  # it would be computed while the model is built
            if entry["class_name"] in _MODELS:
                part = self._model(entry, None, depth + 1)
                if part is None:
                    deferred[name] = entry
                    parts[name] = Part(name, entry["class_name"], None)
                    continue
            else:
                part = self._layer(entry)
                if entry["class_name"] == "InputLayer":
                    tensors[name, 0] = [part.layer.output]
            part.name = name
            parts[name] = part
        outputs = read_structure(config["output_layers"])
        first_call = _first_calls([*calls.values(), [Call([outputs], {})]])

        def resolve(reference: Reference) -> Any:
            key = reference.layer, reference.call - first_call.get(reference.layer, 0)
            return tensors[key][reference.output]

        waiting = {name: list(queue) for name, queue in calls.items() if queue}
        while waiting:
            progressed = False
            for name in list(waiting):
                queue = waiting[name]
                while queue and all(_known(reference, tensors, first_call) for reference in references(queue[0])):
                    call = queue.pop(0).resolved(resolve)
                    if name in deferred:
                        built = self._model(deferred.pop(name), call.args[0], depth + 1)
                        assert built is not None  # it has a tensor
                        parts[name].layer, parts[name].parts = built.layer, built.parts
                    layer = parts[name].layer
                    results = layer(*call.args, **call_arguments(layer, call.kwargs))
                    tensors[name, len(calls[name]) - len(queue) - 1] = keras.tree.flatten(results)
                    progressed = True
                if not queue:
                    del waiting[name]
            if not progressed:
                raise ModelError(f"its graph has a loop or a gap at layer {next(iter(waiting))!r}")
        inputs = Call([read_structure(config["input_layers"])], {}).resolved(resolve).args[0]
        results = Call([outputs], {}).resolved(resolve).args[0]
        name = str(config.get("name") or "model")
        return Part(name, "Functional", keras.Model(inputs, results, name=keras_name(name)), list(parts.values()))


def _count_layers(config: Any) -> int:
    """Returns how many objects of Keras a config describes, at any depth."""
    count, values = 0, [config]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            count += "class_name" in value and "config" in value and isinstance(value["config"], dict | list)
            values += value.values()
        elif isinstance(value, list):
            values += value
    return count


def _known(reference: Reference, tensors: Mapping[tuple[str, int], Any], first_call: Mapping[str, int]) -> bool:
    return (reference.layer, reference.call - first_call.get(reference.layer, 0)) in tensors


def _first_calls(calls: list[list[Call]]) -> dict[str, int]:
    """Returns the number of each layer's first call: Keras 2 counts the graph of a nested model itself as one."""
    first: dict[str, int] = {}
    for queue in calls:
        for call in queue:
            for reference in references(call):
                first[reference.layer] = min(reference.call, first.get(reference.layer, reference.call))
    return first
