"""Puts the values of a file into a rebuilt model, from each of the layouts that Keras has had for them."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import keras
import numpy as np

from live_cam.errors import ModelError
from live_cam.models.keras_files.hdf5 import read_names
from live_cam.models.keras_files.structure import Part

# What Keras 2 calls a variable that has another name in Keras 3.
_ALIASES: Final = {"kernel": "depthwise_kernel", "mean": "adapt_mean", "variance": "adapt_variance"}
_SEED: Final = "seed_generator_state"
_UNNAMED: Final = "variable"


def own_variables(layer: Any) -> list[Any]:
    """Returns the variables of a layer itself, without those of layers inside it and the state of random generators."""
    inner = {id(variable) for child in inner_layers(layer).values() for variable in child.variables}
    return [v for v in layer.variables if id(v) not in inner and v.name != _SEED]


def inner_layers(layer: Any) -> dict[str, Any]:
    """Returns the layers that a layer consists of, such as the cell of an LSTM, by attribute."""
    return {name: value for name, value in vars(layer).items() if isinstance(value, keras.Layer)}


def variables(part: Part) -> list[Any]:
    """Returns all variables of a model that a file has to hold."""
    found = {id(v): v for leaf in part.leaves() if isinstance(leaf.layer, keras.Layer) for v in leaf.layer.variables}
    return [variable for variable in found.values() if variable.name != _SEED]


def count_declared(part: Part) -> int:
    """Returns how many values the model has, whether or not they were allocated yet."""
    return sum(math.prod(variable.shape) for variable in variables(part))


def set_value(variable: Any, value: Any) -> None:
    """Assigns one array.

    Raises:
        ModelError: It has another shape, or holds anything but finite numbers.
    """
    if value is None or tuple(value.shape) != tuple(variable.shape):
        found = "missing" if value is None else f"of shape {tuple(value.shape)}"
        raise ModelError(f"the weights {variable.path} should have the shape {tuple(variable.shape)}, but are {found}")
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise ModelError(f"the weights {variable.path} are not finite numbers")
    variable.assign(array)


def saved_names(layer: Any, variable: Any) -> set[str]:
    """Returns the names that Keras 2 and 3 give a variable; some have none but that of the attribute."""
    attributes = {name for name, value in vars(layer).items() if value is variable}
    return {variable.name, _ALIASES.get(variable.name, variable.name), *attributes}


def assign_h5(model: Part, group: Any) -> None:
    """Assigns from the `model_weights` of an .h5 file: a list for each layer of the model itself, named by path."""
    saved = {name: group[name] for name in read_names(group, "layer_names")}
    targets = {part.name: [leaf for leaf in part.leaves() if _has_variables(leaf)] for part in model.parts}
    targets = {name: leaves for name, leaves in targets.items() if leaves}
    if not set(targets) <= set(saved):  # a Sequential that was saved as a list has no name
        with_weights = [group for group in saved.values() if read_names(group, "weight_names")]
        if len(with_weights) != len(targets):
            raise ModelError(f"the file has weights for {len(with_weights)} layers, but the model has {len(targets)}")
        saved = dict(zip(targets, with_weights, strict=True))
    for name, leaves in targets.items():
        _assign_list(leaves, {path: saved[name].get(path) for path in read_names(saved[name], "weight_names")})


def _has_variables(part: Part) -> bool:
    return isinstance(part.layer, keras.Layer) and bool(variables(part))


def _assign_list(leaves: list[Part], saved: dict[str, Any]) -> None:
    """Assigns a list of weights to layers by their names, or in their order if names were made unique by numbers."""
    targets = [(leaf, v) for leaf in leaves for v in variables(leaf) if v.trainable]
    targets += [(leaf, v) for leaf in leaves for v in variables(leaf) if not v.trainable]
    if len(targets) != len(saved):
        raise ModelError(f"layer {leaves[0].name!r} has {len(targets)} weights, but the file {len(saved)}")
    by_path = {name.removesuffix(":0"): value for name, value in saved.items()}
    matches: list[str | None] = []
    for leaf, variable in targets:
        inside = variable.path.split("/", 1)[-1]
        ends = [f"/{leaf.name}/{_with_alias(inside)}", f"/{leaf.name}/{inside}"]
        found = [path for path in by_path if f"/{path}".endswith(tuple(ends))]
        matches.append(found[0] if len(found) == 1 else None)
    if None in matches or len(set(matches)) < len(matches):
        matches = list(by_path)
    for (leaf, variable), path in zip(targets, matches, strict=True):
        name = str(path).rsplit("/", 1)[-1].lower()
        if name not in saved_names(leaf.layer, variable) and not name.startswith(_UNNAMED):
            raise ModelError(f"the weights {path} stand where {variable.path} was expected")
        set_value(variable, by_path[str(path)])


def _with_alias(path: str) -> str:
    *head, name = path.split("/")
    return "/".join([*head, _ALIASES.get(name, name)])


def assign_v3(model: Part, group: Any) -> None:
    """Assigns from the `model.weights.h5` of a .keras file: numbered by class, in the order of the layers."""
    layers = next((group[name] for name in ("layers", "_layer_checkpoint_dependencies") if name in group), None)
    if layers is None:
        raise ModelError(f"the file has no weights for the model {model.name!r}")
    queues: dict[str, list[Any]] = {}
    for part in model.parts:
        stem = _snake_case(part.class_name)
        if stem not in queues:
            queues[stem] = _numbered(layers, stem)
        saved = queues[stem].pop(0) if queues[stem] else None
        if part.parts:
            if saved is None:
                raise ModelError(f"the file has no weights for the model {part.name!r}")
            assign_v3(part, saved)
        elif _has_variables(part):
            _assign_numbered(part.layer, saved)


def _assign_numbered(layer: Any, group: Any) -> None:
    saved = group["vars"] if group is not None and "vars" in group else {}
    for index, variable in enumerate(own_variables(layer)):
        set_value(variable, saved.get(str(index)))
    for name, inner in inner_layers(layer).items():
        if inner.variables:
            _assign_numbered(inner, None if group is None else group.get(name, group.get(name.removeprefix("_"))))


def _numbered(group: Any, stem: str) -> list[Any]:
    """Returns the groups `stem`, `stem_1`, ... in order; some versions leave numbers out."""
    numbers = [int(match[1] or 0) for name in group if (match := re.fullmatch(rf"{stem}(?:_(\d{{1,6}}))?", name))]
    return [group[f"{stem}_{number}" if number else stem] for number in sorted(numbers)]


def _snake_case(name: str) -> str:
    return re.sub(
        r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    ).lower()
