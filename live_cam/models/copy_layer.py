"""Copies of Keras layers without their weights."""

from __future__ import annotations

from typing import Any

import keras


def copy_layer(layer: Any, kind: Any = None, **changes: Any) -> Any:
    """Returns a layer of the same configuration.

    Args:
        layer: A Keras layer; that a Lambda layer is trusted was decided when it was loaded.
        kind: The class of the copy; None for that of the layer.
        changes: What differs in its configuration, such as `name` and `dtype`.
    """
    if isinstance(layer, keras.layers.Lambda):
        options = {"name": layer.name, "dtype": layer.dtype_policy, **changes}
        return keras.layers.Lambda(layer.function, layer._output_shape, arguments=layer.arguments, **options)
    return (kind or type(layer)).from_config({**layer.get_config(), **changes})
