"""Opens SavedModel folders of Keras 2, which hold the configs of all layers beside TensorFlow's graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from live_cam.errors import ModelError
from live_cam.models.keras_files.archive import read_json
from live_cam.models.keras_files.structure import Part
from live_cam.models.keras_files.weights import inner_layers, own_variables, saved_names, set_value, variables

_GRAPH_KEY: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE: Final = "VARIABLE_VALUE"
_NO_CONFIG: Final = (
    "the SavedModel holds TensorFlow's graph, but not Keras's layers (model.export() and plain TensorFlow write such "
    "ones), so that no layer can be explained; save the model with model.save('model.keras'), or convert it to .onnx"
)


def read_config(folder: Path) -> dict[str, Any]:
    """Reads the config of the model, from `keras_metadata.pb` or (TensorFlow 2.0 to 2.4) `saved_model.pb`.

    Raises:
        ModelError: There is none, or the files are damaged.
    """
    try:
        metadata = _keras_metadata(folder / "keras_metadata.pb") or _old_metadata(folder / "saved_model.pb")
    except (OSError, DecodeError) as error:
        raise ModelError(f"the SavedModel is damaged or incomplete ({error})") from error
    if not metadata:
        raise ModelError(_NO_CONFIG)
    root = read_json(metadata)
    return {"class_name": root.get("class_name"), "config": root.get("config")}


def _keras_metadata(path: Path) -> str | None:
    if not path.exists():
        return None
    nodes = _SavedMetadata.FromString(path.read_bytes()).nodes
    return next((str(node.metadata) for node in nodes if node.node_path == "root"), None)


def _old_metadata(path: Path) -> str | None:
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    nodes = [graph.object_graph_def.nodes for graph in saved_model.meta_graphs]
    return str(nodes[0][0].user_object.metadata) if nodes and nodes[0] else None


def _saved_metadata_message() -> Any:
    """Returns the message class of `keras_metadata.pb`, whose definition only Keras 2 contains."""
    text, number = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_INT32
    file = descriptor_pb2.FileDescriptorProto(name="live_cam/keras_metadata.proto", package="live_cam", syntax="proto3")
    node = file.message_type.add(name="SavedObject")
    for index, name, kind in (
        (2, "node_id", number),
        (3, "node_path", text),
        (4, "identifier", text),
        (5, "metadata", text),
    ):
        node.field.add(name=name, number=index, type=kind, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    file.message_type.add(name="SavedMetadata").field.add(
        name="nodes",
        number=1,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        type_name=".live_cam.SavedObject",
        label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("live_cam.SavedMetadata"))


_SavedMetadata: Final = _saved_metadata_message()


class Checkpoint:
    """The variables of a SavedModel, found along the attributes of the objects that held them.

    Args:
        folder: The SavedModel.

    Raises:
        ModelError: The files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
            graph = self._reader.get_tensor(_GRAPH_KEY)
            self._nodes = trackable_object_graph_pb2.TrackableObjectGraph.FromString(graph).nodes
        except (tf.errors.OpError, DecodeError, ValueError, RuntimeError) as error:
            reason = next(iter(str(error).splitlines()), "")
            raise ModelError(f"the variables of the SavedModel are damaged or incomplete ({reason:.200})") from error

    def num_values(self) -> int:
        """Returns how many numbers there are, as the index declares."""
        shapes = self._reader.get_variable_to_shape_map()
        return sum(
            int(tf.TensorShape(shape).num_elements() or 0) for name, shape in shapes.items() if name != _GRAPH_KEY
        )

    def assign(self, part: Part, node: int = 0) -> None:
        """Assigns all variables of a model."""
        children = self._children(node)
        for index, inner in enumerate(part.parts):
            if inner.parts:
                self.assign(inner, self._child(children, index, inner.name))
            elif isinstance(inner.layer, keras.Layer) and variables(inner):
                self._assign_layer(inner.layer, self._child(children, index, inner.name))

    def _assign_layer(self, layer: Any, node: int) -> None:
        children = self._children(node)
        keys = {name: self._key(child) for name, child in children.items()}
        for variable in own_variables(layer):
            found = [key for name in saved_names(layer, variable) if (key := keys.get(name)) is not None]
            set_value(variable, self._reader.get_tensor(found[0]) if found else None)
        for name, inner in inner_layers(layer).items():
            if inner.variables:
                if name not in children:
                    raise ModelError(f"the SavedModel has no variables for {layer.name}.{name}")
                self._assign_layer(inner, children[name])

    def _children(self, node: int) -> dict[str, int]:
        return {child.local_name: child.node_id for child in self._nodes[node].children}

    def _child(self, children: dict[str, int], index: int, name: str) -> int:
        if f"layer-{index}" not in children:
            raise ModelError(f"the SavedModel has no variables for layer {name!r}")
        return children[f"layer-{index}"]

    def _key(self, node: int) -> str | None:
        attributes = self._nodes[node].attributes
        return next((str(a.checkpoint_key) for a in attributes if a.name == _VALUE), None)
