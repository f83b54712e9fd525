"""Makes Keras's own layers from their saved configs; nothing else is looked up by a name from the file."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import keras
from keras.src.applications import convnext, inception_resnet_v2

from live_cam.errors import ModelError
from live_cam.models.keras_files.nodes import read_value
from live_cam.models.keras_files.tf_ops import OPERATION_CLASSES, operation

_FAMILIES: Final = (
    "activations",
    "attention",
    "convolutional",
    "core",
    "merging",
    "normalization",
    "pooling",
    "preprocessing.image_preprocessing",
    "preprocessing.normalization",
    "preprocessing.rescaling",
    "regularization",
    "reshaping",
    "rnn",
)
"""Packages of `keras.src.layers` whose layers compute only with tensors: others read files or run code."""

_UNSAFE: Final = frozenset({"Lambda", "Wrapper"})
_INACTIVE: Final = frozenset(
    {"AugMix", "CutMix", "MixUp", "RandAugment", "RandomHeight", "RandomWidth", "StochasticDepth"}
)
_RENAMED: Final = {
    "Custom>CustomScaleLayer": "CustomScaleLayer",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}
_OPERATION_MODULES: Final = ("numpy", "nn", "core", "image", "math")
_NESTED_LAYERS: Final = ("layer", "cell", "forward_layer", "backward_layer")
_FLOATS: Final = re.compile(r"(mixed_)?(float16|bfloat16)|float(32|64)|u?int(8|16|32|64)|bool")
# Settings that describe how a layer was trained, quantized or built, and not what it computes.
_DROPPED: Final = frozenset(
    {
        *("autocast", "input_dtype", "ragged", "sparse", "weights"),
        *("batch_input_shape", "batch_shape", "build_input_shape", "input_length", "input_shape"),
        *("fused", "implementation", "time_major"),
        *("lora_alpha", "lora_rank"),
        *("key_shape", "query_shape", "value_shape"),
    }
)
_QUANTIZED: Final = "layer {!r} computes in {!r:.60}, which has no gradients; save the model unquantized"
_NEUTRAL: Final = (None, False, 1, "auto")


def keras_name(name: str) -> str:
    """Returns a name as Keras 3 allows it: without slashes, which DenseNet's layers have in Keras 2."""
    return name.replace("/", "_") or "unnamed"


def any_batch(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Returns a shape without the number of pictures that a model happened to be built with."""
    return (None, *shape[1:])


def call_arguments(layer: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments for a call that infers, from those of a saved call.

    Keras 2 passed `training` and `mask` to more layers than take them. Unless told otherwise, layers such as `Resizing`
    put all that follow them into training mode (Keras 3.15).
    """
    if not isinstance(layer, keras.Layer):
        return dict(kwargs)
    accepted = inspect.signature(layer.call).parameters
    arguments = {key: value for key, value in kwargs.items() if key not in ("training", "mask") or value is not None}
    if "training" in accepted:
        arguments.setdefault("training", False)
    return {key: value for key, value in arguments.items() if key not in ("training", "mask") or key in accepted}


def layer_name(data: Any) -> str:
    """Returns the name of a layer in the file.

    Raises:
        ModelError: This is not how Keras describes a layer.
    """
    if isinstance(data, dict) and isinstance(class_name := data.get("class_name"), str):
        config = data.get("config")
        inner = config.get("name") if isinstance(config, dict) else None
        if isinstance(config, dict) or class_name == "Sequential":
            return str(data.get("name") or inner or class_name.lower())
    raise ModelError(f"a layer is described by {data!r:.80}")


class LayerFactory:
    """Makes layers from configs, and refuses what is not Keras's own.

    Args:
        is_keras2: The file is of Keras 2, where some settings have another meaning.
        trusted: Lambda layers may run the code that they hold, and classes of other modules are imported.
    """

    def __init__(self, is_keras2: bool, trusted: bool) -> None:
        self._is_keras2 = is_keras2
        self._trusted = trusted

    def layer(self, data: Mapping[str, Any]) -> Any:
        """Returns a layer or operation of Keras 3, unbuilt.

        Args:
            data: `class_name`, `config` and perhaps `module`, as Keras saves them.

        Raises:
            ModelError: The class is not one of Keras's, it may run code, or Keras 3 lacks one of its settings.
        """
        name, class_name, config = layer_name(data), data["class_name"], data["config"]
        if class_name in OPERATION_CLASSES:
            return operation(class_name, config, keras_name(name))
        if class_name == "Lambda":
            return self._lambda(name, config)
        cls = self._class(class_name, data.get("module"), config)
        if cls is None:
            return self._custom(name, class_name, data.get("module"), config)
        if class_name == "InputLayer":
            return self._input(name, config)
        if class_name in _INACTIVE or (class_name.startswith("Random") and class_name != "RandomCrop"):
            return keras.layers.Identity(name=keras_name(name))  # augmentation, for training only
        try:
            return cls(**self._settings(name, class_name, cls, config))
        except ModelError:
            raise
        except Exception as error:
            reason = next(iter(str(error).splitlines()), repr(error))
            raise ModelError(f"Keras can't make layer {name!r} ({class_name}): {reason:.200}") from error

    def _custom(self, name: str, class_name: str, module: Any, config: Mapping[str, Any]) -> Any:
        """Returns a layer of a class that the file names by a module, which is imported if the file is trusted."""
        if not self._trusted:
            raise ModelError(
                f"layer {name!r} is of the class {class_name!r}, which may run code or is not Keras's own; rebuild the "
                "model from Keras's layers, or add --trust-model if you trust whoever made it and have its module"
            )
        try:
            cls = getattr(importlib.import_module(module or "builtins"), class_name)
            if not issubclass(cls, keras.Layer):
                raise TypeError(f"{class_name} is no layer")
            return cls.from_config(dict(config))
        except Exception as error:  # whatever foreign code raises
            reason = next(iter(str(error).splitlines()), repr(error))
            raise ModelError(
                f"layer {name!r} needs the class {class_name!r} of the module {module}: {reason:.200}; install the "
                "module, or name its folder in PYTHONPATH"
            ) from error

    def _class(self, class_name: str, module: Any, config: Mapping[str, Any]) -> Any:
        if isinstance(module, str) and module.startswith("keras.src.ops."):
            return _operation_class(class_name, module)
        # The .h5 of Keras 3 names no modules; only layers can be frozen.
        if not self._is_keras2 and module is None and "trainable" not in config and class_name != "InputLayer":
            return next(
                filter(None, (_operation_class(class_name, f"keras.src.ops.{m}") for m in _OPERATION_MODULES)), None
            )
        return _layer_classes().get(_RENAMED.get(class_name, class_name))

    def _input(self, name: str, config: Mapping[str, Any]) -> Any:
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if not isinstance(shape, list):
            raise ModelError(f"the input {name!r} has no shape")
        dtype = config.get("dtype")
        return keras.layers.InputLayer(
            batch_shape=any_batch(shape), dtype=dtype if isinstance(dtype, str) else None, name=keras_name(name)
        )

    def _settings(self, name: str, class_name: str, cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments for the constructor of Keras 3."""
        accepted = _parameters(cls)
        settings: dict[str, Any] = {}
        for key, value in config.items():
            if key == "name":
                settings[key] = keras_name(name)
            elif key == "dtype":
                settings[key] = _dtype(name, value)
            elif key.endswith(("_initializer", "_regularizer", "_constraint")) or key in _DROPPED:
                continue  # the weights come from the file
            elif key.endswith("activation"):
                settings[key] = self._activation(name, value)
            elif key in _NESTED_LAYERS:
                settings[key] = value if value is None else self.layer(value)
            elif key == "quantization_config" and value is not None:
                raise ModelError(_QUANTIZED.format(name, value.get("class_name")))
            elif key == "alpha" and class_name == "LeakyReLU":
                settings["negative_slope"] = value
            elif key in accepted:
                settings[key] = self._setting(name, value)
            elif value not in _NEUTRAL:
                raise ModelError(f"layer {name!r} ({class_name}) has {key}={value!r:.40}, which Keras 3 doesn't know")
        # Random values would only cost time.
        settings.update({key: "zeros" for key in accepted if key.endswith("_initializer")})
        if class_name.startswith(("BatchNormalization", "SyncBatch")) and isinstance(settings.get("axis"), list):
            (settings["axis"],) = settings["axis"]
        return settings

    def _setting(self, name: str, value: Any) -> Any:
        if isinstance(value, list) and any(isinstance(item, dict) and "class_name" in item for item in value):
            return [self.layer(item) for item in value]  # the cells of StackedRNNCells
        if isinstance(value, str) and ("/" in value or "\\" in value):
            raise ModelError(f"layer {name!r} names the file {value!r:.80}; models hold all that they need")
        return read_value(value)

    def _activation(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict):
            if value.get("class_name") != "function":
                return self.layer(value)
            value = value.get("config")
        if value == f"live_cam>{hard_sigmoid_of_keras2.__name__}" or (value == "hard_sigmoid" and self._is_keras2):
            return hard_sigmoid_of_keras2
        if not isinstance(value, str) or value not in _activations():
            raise ModelError(
                f"layer {name!r} has the activation {value!r:.80}, which is not Keras's own; replace it and save again"
            )
        return value

    def _lambda(self, name: str, config: Mapping[str, Any]) -> Any:
        if not self._trusted:
            raise ModelError(
                f"layer {name!r} is a Lambda layer, which runs code from the file; if you trust whoever made it, add "
                "--trust-model"
            )
        function = config.get("function")
        if isinstance(function, list) and len(function) == 3:
            code, defaults, closure = function
            arguments = {"code": code, "defaults": defaults, "closure": closure}
            function = {"class_name": "__lambda__", "config": arguments}
        settings = {"name": keras_name(name), "function": function, "arguments": config.get("arguments") or {}}
        data = {"module": "keras.layers", "class_name": "Lambda", "config": settings, "registered_name": None}
        return keras.saving.deserialize_keras_object(data, safe_mode=False)


@cache
def _layer_classes() -> dict[str, Any]:
    """Returns the layers that may be made, by all the names that Keras has for them."""
    allowed = tuple(f"keras.src.layers.{family}." for family in _FAMILIES)
    classes = {name: cls for name, cls in vars(keras.layers).items() if inspect.isclass(cls)}
    found = {name: cls for name, cls in classes.items() if f"{cls.__module__}.".startswith(allowed)}
    found |= {"LayerScale": convnext.LayerScale, "CustomScaleLayer": inception_resnet_v2.CustomScaleLayer}
    found |= dict.fromkeys(_INACTIVE, keras.layers.Identity)
    return {name: cls for name, cls in found.items() if name not in _UNSAFE}


@cache
def _operation_class(class_name: str, module: str) -> Any:
    if module.removeprefix("keras.src.ops.") not in _OPERATION_MODULES:
        return None
    cls = vars(importlib.import_module(module)).get(class_name)
    is_operation = inspect.isclass(cls) and issubclass(cls, keras.Operation) and cls.__module__ == module
    return cls if is_operation else None


@cache
def _activations() -> frozenset[str]:
    names = {name for name, value in vars(keras.activations).items() if inspect.isfunction(value)}
    return frozenset(names - {"deserialize", "get", "serialize"})


@cache
def _parameters(cls: Any) -> frozenset[str]:
    names = set(inspect.signature(cls.__init__).parameters) - {"self", "args", "kwargs"}
    return frozenset(names | {"name", "dtype", "trainable"} if issubclass(cls, keras.Layer) else names)


def _dtype(name: str, value: Any) -> str | None:
    """Returns the name of a dtype or policy, however Keras 2 or 3 describes it."""
    if isinstance(value, dict):
        value = value.get("config", {}).get("name", value)
    if value is None or (isinstance(value, str) and _FLOATS.fullmatch(value)):
        return value
    raise ModelError(_QUANTIZED.format(name, value))


def hard_sigmoid_of_keras2(x: Any) -> Any:
    """Computes the hard sigmoid of Keras 2; that of Keras 3 has another slope: relu6(x + 3) / 6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


keras.saving.register_keras_serializable("live_cam")(hard_sigmoid_of_keras2)  # so that the model can be saved
