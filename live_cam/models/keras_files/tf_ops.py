"""TensorFlow functions within models of Keras 2, which saves each as a layer, by operations of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from live_cam.errors import ModelError
from live_cam.models.keras_files.nodes import read_value


class TensorFlowFunction(keras.Operation):  # type: ignore[misc]  # Keras has no types
    """A TensorFlow function as a node of a graph, which keeps its name in the file.

    Args:
        function: Its name in TensorFlow, such as `math.truediv`.
        name: The name of the node.
    """

    def __init__(self, function: str, name: str | None = None) -> None:
        super().__init__(name=name)
        self._function = _FUNCTIONS[function]

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the function."""
        return self._function(*args, **{key: value for key, value in kwargs.items() if key != "name"})


keras.saving.register_keras_serializable("live_cam")(TensorFlowFunction)  # so that the model can be saved

OPERATION_CLASSES: Final = frozenset(
    {
        "TFOpLambda",
        "SlicingOpLambda",
        "TensorFlowOpLayer",
        "ClassMethod",
        "InstanceProperty",
        TensorFlowFunction.__name__,
    }
)


def operation(class_name: str, config: Mapping[str, Any], name: str) -> TensorFlowFunction:
    """Returns what a layer of one TensorFlow function computes.

    Args:
        class_name: The class of the layer, one of `OPERATION_CLASSES`.
        config: Its settings.
        name: Its name.

    Raises:
        ModelError: The function has no plain counterpart in Keras 3.
    """
    symbol = config.get("function")
    if not isinstance(symbol, str) or symbol not in _FUNCTIONS:
        raise ModelError(
            f"layer {name!r} calls tf.{symbol or class_name}, for which Keras 3 has no counterpart; "
            "replace it by layers and save again"
        )
    return TensorFlowFunction(symbol, name=name)


def _slice(x: Any, slice_spec: Any) -> Any:
    spec = slice_spec if isinstance(slice_spec, list) else [slice_spec]
    return x[tuple(read_value(item) for item in spec)]


def _bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    if data_format is not None and data_format.startswith("NC") and data_format != "N...C":
        bias = np.reshape(bias, (-1, *[1] * (len(value.shape) - 2)))
    return ops.add(value, _constant(bias, value))


def _constant(value: Any, like: Any) -> Any:
    """Returns a list of numbers as an array of the other argument's dtype, as TensorFlow takes it."""
    if not isinstance(value, list | np.ndarray) or not hasattr(like, "dtype"):
        return value
    return np.asarray(value, keras.backend.standardize_dtype(like.dtype))


def _clip(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    return ops.clip(t, clip_value_min, clip_value_max)


def _resize(
    images: Any, size: Any, method: str = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False
) -> Any:
    if preserve_aspect_ratio or method not in ("bilinear", "nearest", "bicubic"):
        raise ModelError(
            f"tf.image.resize with {method}, or that keeps the aspect ratio, has no counterpart in Keras 3"
        )
    resized = ops.image.resize(images, tuple(size), interpolation=method, antialias=antialias)
    return ops.cast(resized, "float32") if method != "nearest" else resized


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool | None = False) -> Any:
        return function(input_tensor, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(keepdims))

    return reduce


def _of_features(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda features: function(features)


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x)


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: function(_constant(x, y), _constant(y, x))


_BINARY: Final = {
    "math.add": ops.add,
    "math.subtract": ops.subtract,
    "math.multiply": ops.multiply,
    "math.truediv": ops.true_divide,
    "math.divide": ops.true_divide,
    "math.maximum": ops.maximum,
    "math.minimum": ops.minimum,
    "math.pow": ops.power,
    "linalg.matmul": ops.matmul,
}
_UNARY: Final = {
    "math.abs": ops.abs,
    "math.exp": ops.exp,
    "math.log": ops.log,
    "math.negative": ops.negative,
    "math.reciprocal": ops.reciprocal,
    "math.rsqrt": ops.rsqrt,
    "math.sigmoid": ops.sigmoid,
    "math.sqrt": ops.sqrt,
    "math.square": ops.square,
    "math.tanh": ops.tanh,
}
_ACTIVATIONS: Final = {
    "nn.elu": ops.elu,
    "nn.relu": ops.relu,
    "nn.relu6": ops.relu6,
    "nn.selu": ops.selu,
    "math.softplus": ops.softplus,
    "nn.softsign": ops.softsign,
}
_REDUCTIONS: Final = {
    "math.reduce_max": ops.max,
    "math.reduce_mean": ops.mean,
    "math.reduce_min": ops.min,
    "math.reduce_sum": ops.sum,
}
_OPERATORS: Final = {
    "__operators__.add": ops.add,
    "__operators__.sub": ops.subtract,
    "__operators__.mul": ops.multiply,
    "__operators__.truediv": ops.true_divide,
}

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    **{symbol: _binary(function) for symbol, function in (_BINARY | _OPERATORS).items()},
    **{symbol: _unary(function) for symbol, function in _UNARY.items()},
    **{symbol: _of_features(function) for symbol, function in _ACTIVATIONS.items()},
    **{symbol: _reduction(function) for symbol, function in _REDUCTIONS.items()},
    "__operators__.getitem": _slice,
    "cast": lambda x, dtype: ops.cast(x, keras.backend.standardize_dtype(dtype)),
    "clip_by_value": _clip,
    "concat": lambda values, axis: ops.concatenate(values, axis=axis),
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis),  # noqa: A006 - TensorFlow's name
    "identity": lambda input: input,  # noqa: A006
    "image.resize": _resize,
    "math.l2_normalize": _l2_normalize,
    "nn.bias_add": _bias_add,
    "nn.gelu": lambda features, approximate=False: ops.gelu(features, approximate=approximate),
    "nn.leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, negative_slope=alpha),
    "nn.silu": lambda features, beta=1.0: features * ops.sigmoid(beta * features),
    "nn.softmax": lambda logits, axis=-1: ops.softmax(logits, axis=-1 if axis is None else axis),
    "reshape": lambda tensor, shape: ops.reshape(tensor, tuple(shape)),
    "squeeze": lambda input, axis=None: ops.squeeze(input, axis=tuple(axis) if isinstance(axis, list) else axis),  # noqa: A006
    "transpose": lambda a, perm=None, conjugate=False: ops.transpose(a, axes=perm),  # noqa: ARG005
}
