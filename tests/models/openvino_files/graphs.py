"""Small seeded ONNX graphs, and what they compute by onnx's own reference."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

CHANNELS, CLASSES = 8, 5
HEIGHT, WIDTH = 32, 48
PLACES = HEIGHT // 4, WIDTH // 4
NCHW = (1, 3, HEIGHT, WIDTH)

TYPES = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16, np.uint8: TensorProto.UINT8}


class GraphWriter:
    """Adds nodes one behind the other; `at` is the name of the newest value."""

    def __init__(self, shape: Sequence[int | str] = NCHW, dtype=np.float32) -> None:
        self.at = "image"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info(self.at, TYPES[dtype], shape)]
        self._dtype = np.float32 if dtype == np.uint8 else dtype
        self._rng = np.random.default_rng(0)

    def add(self, kind: str, *others, name: str = "", **attributes) -> "GraphWriter":
        """Adds a node with the newest value and `others`, arrays or names, as inputs."""
        name = name or f"{kind.lower()}{len(self.nodes)}"
        names = [each if isinstance(each, str) else self.constant(f"{name}.{i}", each) for i, each in enumerate(others)]
        self.nodes.append(helper.make_node(kind, [self.at, *names], [name], name=name, **attributes))
        self.at = name
        return self

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def random(self, *shape: int) -> np.ndarray:
        return (self._rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(self._dtype)

    def convolution(self, inputs: int, outputs: int, size: int = 3, strides: int = 2, name: str = "") -> "GraphWriter":
        kernel, bias = self.random(outputs, inputs, size, size), self.random(outputs) / self._dtype(10)
        return self.add("Conv", kernel, bias, name=name, strides=[strides] * 2, pads=[size // 2] * 4)

    def features(self, inputs: int = 3) -> "GraphWriter":
        """Adds two convolutions of stride 2; the activation of the second is called `last`."""
        self.convolution(inputs, 4).add("Relu")
        return self.convolution(4, CHANNELS).add("Relu", name="last")

    def pooled(self) -> "GraphWriter":
        return self.add("GlobalAveragePool").add("Flatten")

    def dense(self, inputs: int = CHANNELS, outputs: int = CLASSES, name: str = "logits") -> "GraphWriter":
        return self.add("Gemm", self.random(inputs, outputs), self.random(outputs), name=name)

    def model(self, outputs: Sequence[str] = (), metadata: dict[str, str] | None = None) -> onnx.ModelProto:
        results = [helper.make_empty_tensor_value_info(each) for each in (outputs or [self.at])]
        graph = helper.make_graph(self.nodes, "graph", self.inputs, results, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        helper.set_model_props(model, metadata or {})
        return model

    def write(self, path: Path, outputs: Sequence[str] = (), metadata: dict[str, str] | None = None) -> Path:
        onnx.save(self.model(outputs, metadata), path)
        return path

    def compute(self, image: np.ndarray, *names: str) -> list[np.ndarray]:
        """Returns the values of these names for an image, as onnx's reference computes them."""
        evaluator = ReferenceEvaluator(self.model(names))
        return [np.asarray(each) for each in evaluator.run(None, {"image": image})]


def _quantised(writer: GraphWriter, scale: float) -> GraphWriter:
    scale_and_zero = np.float32(scale), np.uint8(0)
    return writer.add("QuantizeLinear", *scale_and_zero).add("DequantizeLinear", *scale_and_zero)


def _qdq() -> GraphWriter:
    """A graph as static quantisation writes it: weights of 8 bits, activations rounded to 8 bits."""
    writer = GraphWriter()
    for name, inputs, outputs in (("first", 3, 4), ("last", 4, CHANNELS)):
        kernel = writer.constant(f"{name}.q", (100 * writer.random(outputs, inputs, 3, 3)).astype(np.int8))
        scale = writer.constant(f"{name}.s", np.float32(0.01))
        zero = writer.constant(f"{name}.z", np.int8(0))
        writer.nodes.append(helper.make_node("DequantizeLinear", [kernel, scale, zero], [f"{name}.k"]))
        writer.add("Conv", f"{name}.k", strides=[2, 2], pads=[1] * 4).add("Relu")
        _quantised(writer, 1 / 128)
        writer.nodes[-1].output[0] = writer.at = name
    writer.pooled()
    kernel = writer.constant("dense.q", (100 * writer.random(CHANNELS, CLASSES)).astype(np.int8))
    scale, zero = writer.constant("dense.s", np.float32(0.01)), writer.constant("dense.z", np.int8(0))
    writer.nodes.append(helper.make_node("DequantizeLinear", [kernel, scale, zero], ["dense.k"]))
    return writer.add("Gemm", "dense.k", name="logits").add("Softmax")


def _nhwc() -> GraphWriter:
    writer = GraphWriter(("N", HEIGHT, WIDTH, 3)).add("Transpose", perm=[0, 3, 1, 2])
    writer.convolution(3, 4).add("Relu").convolution(4, CHANNELS).add("Transpose", perm=[0, 2, 3, 1])
    writer.add("Relu", name="last").add("ReduceMean", np.array([1, 2]), keepdims=0)
    return writer.add("MatMul", writer.random(CHANNELS, CLASSES)).add("Add", writer.random(CLASSES), name="logits")


def _scaled() -> GraphWriter:
    """A batch norm between pooling and dense layer, a temperature behind it."""
    writer = GraphWriter().features().pooled()
    writer.add("Mul", writer.random(CHANNELS)).add("Add", writer.random(CHANNELS)).dense(name="")
    return writer.add("Div", np.float32(2.0), name="logits").add("Softmax")


def _viewed() -> GraphWriter:
    """`x.view(x.size(0), -1)` as PyTorch exported it for long, with a free batch."""
    writer = GraphWriter(("N", 3, HEIGHT, WIDTH)).features().add("GlobalAveragePool")
    pooled = writer.at
    writer.add("Shape").add("Gather", np.int64(0)).add("Unsqueeze", np.array([0]))
    shape = writer.add("Concat", np.array([-1]), axis=0).at
    writer.at = pooled
    return writer.add("Reshape", shape).dense().add("Softmax")


def _half_inside() -> GraphWriter:
    """Half precision between inputs and outputs of float32."""
    writer = GraphWriter().add("Cast", to=TensorProto.FLOAT16)
    writer._dtype = np.float16
    return writer.features().pooled().dense(name="half").add("Cast", to=TensorProto.FLOAT, name="logits").add("Softmax")


def _squeeze_and_excite() -> GraphWriter:
    """A last block with a gate for each channel and a shortcut."""
    writer = GraphWriter().convolution(3, 4).add("Relu").convolution(4, CHANNELS).add("Relu")
    block = writer.at
    writer.add("GlobalAveragePool").convolution(CHANNELS, CHANNELS, 1, 1).add("Sigmoid")
    return writer.add("Mul", block).add("Add", block).add("Relu", name="last").pooled().dense()


def _attended() -> GraphWriter:
    """Attention over the places, and a convolution behind."""
    writer = GraphWriter().convolution(3, 4).add("Relu").convolution(4, CHANNELS)
    tokens = writer.add("Reshape", np.array([1, CHANNELS, -1])).at
    writer.add("Transpose", perm=[0, 2, 1]).add("MatMul", tokens).add("Softmax")
    weights = writer.at
    writer.at = tokens
    writer.add("MatMul", weights).add("Reshape", np.array([1, CHANNELS, *PLACES]))
    return writer.convolution(CHANNELS, CHANNELS, 1, 1).add("Relu", name="last").pooled().dense()


def _tokens(*shape: int) -> GraphWriter:
    """Features as tokens, and the tokens laid out as places again."""
    writer = GraphWriter().convolution(3, 4).add("Relu").convolution(4, CHANNELS)
    writer.add("Reshape", np.array([1, CHANNELS, -1]))
    if shape[-1] == CHANNELS:
        writer.add("Transpose", perm=[0, 2, 1])
    return writer.add("Reshape", np.array([1, *shape])).add("Relu", name="last")


LINEAR: dict[str, Callable[[], GraphWriter]] = {
    "pooled": lambda: GraphWriter().features().pooled().dense(),
    "softmax": lambda: GraphWriter().features().pooled().dense().add("Softmax"),
    "log_softmax": lambda: GraphWriter().features().pooled().dense().add("LogSoftmax"),
    "sigmoids": lambda: GraphWriter().features().pooled().dense().add("Sigmoid"),
    "dynamic": lambda: GraphWriter(("N", 3, "H", "W")).features().pooled().dense().add("Softmax"),
    "grey": lambda: GraphWriter((1, 1, HEIGHT, WIDTH)).features(1).pooled().dense(),
    "reduce_mean": lambda: GraphWriter().features().add("ReduceMean", np.array([-1, -2]), keepdims=0).dense(),
    "average_pool": lambda: GraphWriter().features().add("AveragePool", kernel_shape=PLACES).add("Flatten").dense(),
    "convolution": lambda: (
        GraphWriter()
        .features()
        .add("GlobalAveragePool")
        .convolution(CHANNELS, CLASSES, 1, 1, "logits")
        .add("Softmax", axis=1)
        .add("Flatten")
    ),
    "class_maps": lambda: (
        GraphWriter().convolution(3, 4).convolution(4, CLASSES, name="last").add("GlobalAveragePool", name="logits")
    ),
    "nhwc": _nhwc,
    "scaled": _scaled,
    "viewed": _viewed,
    "squeeze_and_excite": _squeeze_and_excite,
    "attended": _attended,
    "half_inside": _half_inside,
    "tokens": lambda: _tokens(CHANNELS, *PLACES).add("ReduceMean", np.array([2, 3]), keepdims=0).dense(),
    "tokens_nhwc": lambda: _tokens(*PLACES, CHANNELS).add("ReduceMean", np.array([1, 2]), keepdims=0).dense(),
    "float16": lambda: GraphWriter(dtype=np.float16).features().pooled().dense().add("Softmax"),
    "quantised": _qdq,
}
"""Graphs of a linear head. Their last activation is called `last`, and what lies before a softmax `logits`."""

OTHERS: dict[str, Callable[[], GraphWriter]] = {
    "two_dense": lambda: GraphWriter().features().pooled().dense(CHANNELS, 6, "hidden").add("Relu").dense(6),
    "two_dense_dynamic": lambda: (
        GraphWriter(("N", 3, "H", "W")).features().pooled().dense(CHANNELS, 6, "hidden").add("Relu").dense(6)
    ),
    "flattened": lambda: GraphWriter().features().add("Flatten").dense(CHANNELS * PLACES[0] * PLACES[1]).add("Softmax"),
    "reshaped": lambda: (
        GraphWriter()
        .features()
        .add("Reshape", np.array([1, CHANNELS * PLACES[0] * PLACES[1]]))
        .dense(CHANNELS * PLACES[0] * PLACES[1])
    ),
    "squeezed": lambda: (
        GraphWriter()
        .features()
        .add("GlobalMaxPool")
        .add("Squeeze")
        .add("Mul", np.arange(CHANNELS, dtype=np.float32))
        .add("Slice", np.array([0]), np.array([CLASSES]), name="logits")
    ),
    "layer_norm": lambda: (
        GraphWriter().features().pooled().add("LayerNormalization", np.ones(CHANNELS, np.float32)).dense()
    ),
    "gated": lambda: GraphWriter().features().pooled().add("Sigmoid").dense(),
    "nhwc": lambda: (
        GraphWriter()
        .features()
        .add("Transpose", perm=[0, 2, 3, 1])
        .add("Flatten")
        .dense(CHANNELS * PLACES[0] * PLACES[1])
    ),
}
"""Graphs of other heads. `squeezed` has the batch of one built in."""


def image_of(writer: GraphWriter, seed: int = 1) -> np.ndarray:
    """Returns an image in the layout and type that the graph takes, 0..1; 32x48 where it leaves the size open."""
    tensor = writer.inputs[0].type.tensor_type
    sizes = {"N": 1, "H": HEIGHT, "W": WIDTH}
    shape = [each.dim_value or sizes[each.dim_param] for each in tensor.shape.dim]
    values = np.random.default_rng(seed).uniform(0.0, 1.0, shape)
    return values.astype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))


def as_nhwc(image: np.ndarray) -> np.ndarray:
    """Returns an image as the model that `read_network` makes takes it."""
    return np.ascontiguousarray(image if image.shape[3] in (1, 3) else image.transpose(0, 2, 3, 1), np.float32)
