"""Files that can't be explained: one line that names the file, what is missing and what to do."""

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper

from live_cam.errors import ModelError
from live_cam.models.openvino_files.network import read_network
from tests.models.openvino_files.graphs import CHANNELS, LINEAR, GraphWriter


def assert_refused(path, *words):
    with pytest.raises(ModelError) as raised:
        read_network(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
    for word in words:
        assert word in message


def two_inputs():
    writer = GraphWriter().features().pooled()
    writer.inputs.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [1, CHANNELS]))
    return writer.add("Add", "age").dense()


def attention():
    """Patches as tokens, as in a vision transformer."""
    writer = GraphWriter().convolution(3, CHANNELS).add("Reshape", np.array([1, CHANNELS, -1]), name="tokens")
    writer.add("Transpose", perm=[0, 2, 1]).add("MatMul", "tokens").add("Softmax")
    return writer.add("ReduceMean", np.array([1]), keepdims=0).dense(384)


def batch_built_in():
    writer = GraphWriter((4, 3, 32, 32)).features().add("Reshape", np.array([4, CHANNELS, 64]))
    return writer.add("ReduceMean", np.array([2]), keepdims=0).dense()


def without_convolution():
    writer = GraphWriter((1, 3, 8, 8))
    return writer.add("Flatten").dense(3 * 64, 16, "hidden").add("Relu").dense(16)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (two_inputs, ["2 inputs (image, age)", "one image"]),
        (lambda: GraphWriter((1, 64)).dense(64, 5), ["[1,64]", "no image", "(N, 3, H, W)"]),
        (lambda: GraphWriter((1, 3, 32, 3)).convolution(3, 8).pooled().dense(), ["[1,3,32,3]", "second and the last"]),
        (lambda: GraphWriter((1, 4, 32, 32)).features(4).pooled().dense(), ["neither 1 nor 3 channels"]),
        (lambda: GraphWriter((1, 3, 5000, 32)).features().pooled().dense(), ["32x5000", "4096"]),
        (batch_built_in, ["[4,3,32,32]", "1x3x32x32", "one image"]),
        (without_convolution, ["no convolution with places"]),
        (attention, ["attention"]),
        (lambda: GraphWriter().features().convolution(CHANNELS, 3, 1, 1), ["[1,3,8,12]", "detectors and segmenters"]),
        (lambda: GraphWriter().features().pooled().dense().add("ArgMax", axis=1), ["number of a class", "scores"]),
        (lambda: GraphWriter().features().pooled().dense(CHANNELS, 1), ["one number without a sigmoid"]),
        (lambda: GraphWriter().features().pooled().dense(CHANNELS, 50_001), ["50001 classes"]),
        (
            lambda: (
                GraphWriter((1, 3, 300, 300))
                .convolution(3, 4, strides=1)
                .add("Flatten")
                .add("MatMul", np.ones((360_000, 2), np.float32))
            ),
            ["300x300 places", "4096", "smaller images"],
        ),
    ],
)
def test_networks_without_an_explanation(tmp_path, make, words):
    assert_refused(make().write(tmp_path / "a.onnx"), *words)


def test_label_and_probabilities_of_scikit_learn(tmp_path):
    classifier = helper.make_node(
        "LinearClassifier",
        ["image"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_ints=[0, 1],
        coefficients=[0.0] * 128,
        intercepts=[0.0, 0.0],
    )
    graph = helper.make_graph(
        [classifier],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 64])],
        [helper.make_empty_tensor_value_info(name) for name in ("label", "probabilities")],
    )
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "a.onnx")
    assert_refused(tmp_path / "a.onnx", "needs ai.onnx.ml.LinearClassifier", "network for images")


def openvino_file(folder):
    ov.save_model(ov.Core().read_model(LINEAR["softmax"]().write(folder / "a.onnx")), folder / "a.xml")
    return folder / "a.xml"


@pytest.mark.parametrize("suffix", [".onnx", ".xml", ".tflite"])
@pytest.mark.parametrize("content", [b"", b"hello", b"<net/>", b"\0" * 4096, b"PK\x03\x04" + b"\xff" * 100])
def test_files_of_another_kind(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert_refused(path, "export it again")


def test_files_cut_short(tmp_path):
    path = openvino_file(tmp_path)
    whole = (tmp_path / "a.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    assert_refused(tmp_path / "cut.onnx", "ONNX")
    weights = path.with_suffix(".bin").read_bytes()
    path.with_suffix(".bin").write_bytes(weights[: len(weights) // 2])
    assert_refused(path, "OpenVINO", "weights")
    path.with_suffix(".bin").unlink()
    assert_refused(path, "OpenVINO", "weights")


def test_missing_files_and_folders(tmp_path):
    assert_refused(tmp_path / "a.onnx", "not a file")
    (tmp_path / "b.onnx").mkdir()
    assert_refused(tmp_path / "b.onnx", "not a file")
    assert_refused(tmp_path / "a.pt", ".onnx, .xml, .tflite")


@pytest.mark.parametrize(
    "location", ["../secret.bin", "{folder}/secret.bin", "../../../../../../etc/passwd", "absent.bin"]
)
def test_weights_outside_the_folder_are_not_read(tmp_path, location):
    (tmp_path / "secret.bin").write_bytes(bytes(100_000))
    (tmp_path / "model").mkdir()
    model = LINEAR["softmax"]().model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location.format(folder=tmp_path)
    (tmp_path / "model" / "a.onnx").write_bytes(model.SerializeToString())
    assert_refused(tmp_path / "model" / "a.onnx")


@pytest.mark.parametrize("shape", [(80_000_000, 3, 3, 3), (1 << 40, 3, 3, 3)])
def test_constants_larger_than_the_file(tmp_path, shape):
    model = LINEAR["softmax"]().model()
    model.graph.initializer[0].dims[:] = shape
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    assert_refused(tmp_path / "a.onnx")
    path = openvino_file(tmp_path)
    text = path.read_text()
    huge = text.replace('shape="4, 3, 3, 3"', f'shape="{shape[0]}, 3, 3, 3"').replace(
        'size="216"', f'size="{54 * shape[0]}"'
    )
    assert huge.count(str(54 * shape[0])) == 1
    path.write_text(huge)
    assert_refused(path)


def test_values_that_take_gigabytes(tmp_path):
    writer = GraphWriter().features()
    writer.add("Tile", np.array([1, 1, 20_000, 200])).pooled().dense()
    assert_refused(writer.write(tmp_path / "a.onnx"), "tile", "1x8x160000x2400")


def test_names_that_are_no_text(tmp_path):
    path = LINEAR["softmax"]().write(tmp_path / "a.onnx")
    path.write_bytes(path.read_bytes().replace(b"last", b"\xff\xfe\xfd\xfc"))
    assert_refused(path, "taken apart", "export it again")


def test_entities_are_not_expanded(tmp_path):
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True))
    path = tmp_path / "a.xml"
    path.write_text(f'<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa">{entities}]><net name="&l;" version="11"></net>')
    assert_refused(path)
