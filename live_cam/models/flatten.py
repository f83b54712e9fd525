"""A user's Keras model as a `Network`: nested models dissolved, and cut before its last softmax or sigmoid."""

from __future__ import annotations

import copy
from typing import Any, Final

import keras
import numpy as np
from keras.src.models.functional import Functional

from live_cam.errors import ModelError
from live_cam.models.copy_layer import copy_layer
from live_cam.models.network import Network
from live_cam.models.preprocessing import Preprocessing
from live_cam.types import Head

_DEFAULT_PX: Final = 224
"""Height and width of inputs of any size."""

_SMALLEST: Final = 1e-30
_HEADS: Final[dict[str, Head]] = {"softmax": "softmax", "log_softmax": "softmax", "sigmoid": "sigmoid"}
_KEEPS_ORDER: Final = ("Reshape", "Flatten", "Dropout", "Identity", "GetItem", "Squeeze", "Cast")
"""Operations after which the values are those before."""


def flatten(model: Any, preprocessing: Preprocessing, output: str | None = None) -> Network:
    """Copies a model into one graph of layers, from an image to logits.

    Layers keep their names, unless two nested models have layers of the same name: the later ones are then called
    `model_layer`.

    Args:
        model: A functional or Sequential `keras.Model`, built.
        preprocessing: What it receives of the pixels.
        output: Name of the output to explain, where there are several.

    Raises:
        ModelError: It is no classifier of one image.
    """
    model = functional(model)
    image = _image_input(model)
    shape, channels_first = _input_shape(model, image)
    copied = _Copier()
    inputs = keras.Input(shape, name=copied.unique(image.name), dtype="float32")
    features = (
        keras.layers.Permute((3, 1, 2), name=copied.unique("channels_first"))(inputs) if channels_first else inputs
    )
    outputs = copied.run(model, features)
    logits, head = _logits(choose_output(model, outputs, output))
    if len(logits.shape) > 2 and set(logits.shape[1:-1]) == {1}:
        logits = keras.layers.Flatten(name=copied.unique("flat"))(logits)
    if len(logits.shape) != 2 or logits.shape[-1] is None:
        raise ModelError(
            f"the output of {model.name} has the shape {_describe(logits.shape)}, that of a detector or segmenter; "
            "give a classifier, whose output is (N, classes)"
        )
    if head is None and _outputs_probabilities(keras.Model(inputs, logits)):
        logits = keras.ops.log(keras.ops.maximum(logits, _SMALLEST))  # whose softmax are the probabilities again
    if logits.shape[-1] == 1:
        # One unit is the second class; the first has the opposite logit, so that both can be explained.
        logits, head = keras.layers.Concatenate(name=copied.unique("two_classes"))([-logits, logits]), "sigmoid"
    network = Network(keras.Model(inputs, logits, name=model.name), preprocessing, head or "softmax", channels_first)
    if not network.activations:
        raise ModelError(f"{model.name} has no layer with places, which a map needs; give a convolutional network")
    return network


def _outputs_probabilities(model: Any) -> bool:
    """Whether a model whose last operation tells nothing outputs probabilities, as the mean of two softmaxes does."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0.0, 255.0, (2, *model.input.shape[1:])).astype(np.float32)
    outputs = np.asarray(model(inputs, training=False), np.float64)
    return bool(outputs.shape[1] > 1 and outputs.min() >= 0.0 and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-3))


class _Copier:
    """Copies the operations of a model and of those nested in it, each once."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._names: set[str] = set()
        self._originals: list[Any] = []  # whose ids are the keys

    def run(self, model: Any, inputs: Any, prefix: str = "") -> Any:
        """Runs a model on symbolic inputs; returns its outputs, in its own structure."""

        def call(operation: Any, *args: Any, mask: None = None, **kwargs: Any) -> Any:  # noqa: ARG001
            if _is_nested(operation):
                nested = functional(operation)
                return self.run(nested, args[0], f"{prefix}{operation.name}_")
            return self._apply(operation, prefix, *args, **kwargs)

        return model._run_through_graph(inputs, operation_fn=lambda operation: operation, call_fn=call)

    def unique(self, name: str, prefix: str = "") -> str:
        """Returns a name that no other operation has, and takes it."""
        chosen, number = name, 1
        if chosen in self._names:
            chosen = f"{prefix}{name}"
        while chosen in self._names:
            number += 1
            chosen = f"{prefix}{name}_{number}"
        self._names.add(chosen)
        return chosen

    def _apply(self, operation: Any, prefix: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("training", None)
        if not isinstance(operation, keras.Layer):
            renamed = copy.copy(operation)
            renamed.name, renamed._inbound_nodes, renamed._outbound_nodes = self.unique(operation.name, prefix), [], []
            return renamed(*args, **kwargs)
        known = self._copies.get(id(operation))
        if known is not None:
            return known(*args, **kwargs)
        name = self.unique(operation.name, prefix)
        activation = _activation_name(operation) if type(operation) in _WITH_ACTIVATION else ""
        changes: dict[str, Any] = {"activation": "linear"} if activation in _HEADS else {}
        layer = copy_layer(operation, name=name, **changes)
        outputs = layer(*args, **kwargs)
        layer.set_weights(operation.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
        call = layer
        if activation in _HEADS:
            last = keras.layers.Activation(activation, name=self.unique(f"{name}_{activation}"))
            outputs = last(outputs)
            call = lambda *args, **kwargs: last(layer(*args, **kwargs))  # noqa: E731
        self._originals.append(operation)
        self._copies[id(operation)] = call
        return outputs


_WITH_ACTIVATION: Final = (keras.layers.Dense, keras.layers.Conv2D)


def functional(model: Any) -> Any:
    """Returns the graph of a model.

    Raises:
        ModelError: It has none.
    """
    if isinstance(model, keras.Sequential):
        if not model.built or model._functional is None:
            raise ModelError(f"{model.name} does not know the size of its input; give it a keras.Input")
        return model._functional
    if isinstance(model, Functional):
        return model
    raise ModelError(
        f"{model.name} is a {type(model).__name__}, whose layers are called by code; give a functional or Sequential "
        "model"
    )


def _is_nested(operation: Any) -> bool:
    return isinstance(operation, keras.Sequential | Functional)


def _image_input(model: Any) -> Any:
    if len(model.inputs) != 1:
        names = ", ".join(each.name for each in model.inputs)
        raise ModelError(f"{model.name} has {len(model.inputs)} inputs ({names}); give a model with one, the image")
    image = model.inputs[0]
    if len(image.shape) != 4:
        raise ModelError(f"the input of {model.name} has the shape {_describe(image.shape)}; give a model of images")
    return image


def _input_shape(model: Any, image: Any) -> tuple[tuple[int, int, int], bool]:
    """Returns height, width and channels of the input, and whether the channels come first."""
    sizes = tuple(image.shape[1:])
    channels_first = any(
        getattr(layer, "data_format", None) == "channels_first" for layer in model._flatten_layers(include_self=False)
    )
    *places, channels = (*sizes[1:], sizes[0]) if channels_first else sizes
    if channels not in (1, 3):
        raise ModelError(f"the input of {model.name} has {channels} channels; give a model of RGB or grey images")
    height, width = (_DEFAULT_PX if each is None else each for each in places)
    return (height, width, channels), channels_first


def choose_output(model: Any, outputs: Any, name: str | None) -> Any:
    """Returns the output of a name, or the only one."""
    by_name = dict(zip(model.output_names, keras.tree.flatten(outputs), strict=True))
    if isinstance(outputs, dict):
        by_name |= outputs
    if name is None and len(keras.tree.flatten(outputs)) == 1:
        return keras.tree.flatten(outputs)[0]
    if name not in by_name:
        listed = ", ".join(by_name)
        reason = f"{model.name} has several outputs" if name is None else f"{model.name} has no output {name!r}"
        raise ModelError(f"{reason}; choose one with --model-output: {listed}")
    return by_name[name]


def _logits(output: Any) -> tuple[Any, Head | None]:
    """Returns what the last softmax or sigmoid receives, and which it is; the output itself and None without one."""
    operation, source = output._keras_history.operation, _source(output)
    if source is None:
        return output, None
    activation = _activation_name(operation)
    if activation in _HEADS:
        return source, _HEADS[activation]
    is_identity = activation == "linear" and isinstance(operation, keras.layers.Activation)
    if is_identity or type(operation).__name__ in _KEEPS_ORDER:
        logits, head = _logits(source)
        return (output if head is None else operation(logits)), head
    return output, None


def _source(output: Any) -> Any:
    """Returns the only tensor that an output is computed from; None if there are several."""
    history = output._keras_history
    tensors = history.operation._inbound_nodes[history.node_index].input_tensors
    return tensors[0] if len(tensors) == 1 else None


def _activation_name(operation: Any) -> str:
    """Returns what a layer with an activation applies, or the name of an operation such as `softmax`."""
    if isinstance(operation, (keras.layers.Activation, *_WITH_ACTIVATION)):
        return getattr(operation.activation, "__name__", "")
    return {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}.get(type(operation).__name__, "")


def _describe(shape: Any) -> str:
    return f"({', '.join('N' if each is None else str(each) for each in shape)})"
