"""Networks of ONNX files against onnx's reference: the same logits, the last activation, the weights of the head."""

import numpy as np
import openvino as ov
import pytest

from live_cam.errors import ModelError
from live_cam.models.openvino_files.network import read_network
from live_cam.models.preprocessing import Preprocessing
from tests.models.openvino_files.graphs import (
    CHANNELS,
    CLASSES,
    HEIGHT,
    LINEAR,
    NCHW,
    OTHERS,
    PLACES,
    WIDTH,
    GraphWriter,
    as_nhwc,
    image_of,
)

PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


def run(model, *inputs):
    return [np.array(each) for each in ov.Core().compile_model(model, "CPU", PRECISE)(list(inputs)).values()]


def fixed(writer):
    """The writer with 32x48 where its graph leaves the size open, which read_network would make 224x224."""
    for dim in writer.inputs[0].type.tensor_type.shape.dim:
        if dim.dim_param in ("H", "W"):
            dim.dim_value = {"H": HEIGHT, "W": WIDTH}[dim.dim_param]
    return writer


@pytest.mark.parametrize("name", [*LINEAR, *(f"other_{name}" for name in OTHERS)])
def test_activation_and_logits_are_those_of_the_file(tmp_path, name):
    writer = fixed({**LINEAR, **{f"other_{key}": value for key, value in OTHERS.items()}}[name]())
    network = read_network(writer.write(tmp_path / "a.onnx"))
    image = image_of(writer)
    activation, logits = run(network.model, as_nhwc(image))
    last, expected = writer.compute(image, "last", "logits")
    # Half precision has 11 bits; a rounded value may fall on the other side of a step of 1/128.
    atol = {"float16": 2e-3, "half_inside": 2e-3, "quantised": 1.01 / 128}.get(name, 1e-5)
    np.testing.assert_allclose(logits, expected.reshape(1, CLASSES), atol=atol)
    np.testing.assert_allclose(
        activation, last if name.endswith("nhwc") and "other" not in name else last.transpose(0, 2, 3, 1), atol=atol
    )
    assert network.layer_name == ("relu7" if name == "quantised" else "last")  # there it is rounded behind
    assert network.activation == ("sigmoid" if name == "sigmoids" else "softmax")
    assert (network.image.height, network.image.width, network.image.channels) == (
        HEIGHT,
        WIDTH,
        1 if name == "grey" else 3,
    )


@pytest.mark.parametrize("name", LINEAR)
def test_linear_head_is_found_and_computes_the_logits(tmp_path, name):
    writer = fixed(LINEAR[name]())
    network = read_network(writer.write(tmp_path / "a.onnx"))
    activation, logits = run(network.model, as_nhwc(image_of(writer)))
    head = network.head
    assert network.head_model is None
    assert head.weights.dtype == head.bias.dtype == np.float32
    assert head.weights.shape == (CLASSES if name == "class_maps" else CHANNELS, CLASSES)
    by_hand = activation.mean(axis=(1, 2)) @ head.weights + head.bias
    np.testing.assert_allclose(by_hand, logits, atol=2e-3 if name in ("float16", "half_inside") else 1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_other_heads_compute_all_masks_in_one_batch(tmp_path, name):
    writer = fixed(OTHERS[name]())
    network = read_network(writer.write(tmp_path / "a.onnx"))
    activation, logits = run(network.model, as_nhwc(image_of(writer)))
    masks = np.random.default_rng(0).uniform(size=(3, *PLACES, 1)).astype(np.float32)
    masks[1] = 1.0
    if name == "squeezed":
        masks = masks[1:2]
    (of_masks,) = run(network.head_model, activation, masks)
    assert network.head is None
    for mask, row in zip(masks, of_masks, strict=True):
        (alone,) = run(network.head_model, activation, mask[np.newaxis])
        np.testing.assert_allclose(row[np.newaxis], alone, atol=1e-5)
    np.testing.assert_allclose(of_masks[len(masks) // 2], logits[0], atol=1e-5)


def test_one_sigmoid_is_two_classes(tmp_path):
    writer = GraphWriter().features().pooled().dense(CHANNELS, 1).add("Sigmoid", name="probability")
    network = read_network(writer.write(tmp_path / "a.onnx"))
    image = image_of(writer)
    activation, logits = run(network.model, as_nhwc(image))
    z, probability = writer.compute(image, "logits", "probability")
    assert (network.activation, network.classes) == ("sigmoid", 2)
    np.testing.assert_allclose(logits, np.hstack([-z, z]), atol=1e-5)
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-logits[0, 1])), probability[0, 0], atol=1e-6)
    np.testing.assert_allclose(
        activation.mean(axis=(1, 2)) @ network.head.weights + network.head.bias, logits, atol=1e-5
    )


@pytest.mark.parametrize(
    ("metadata", "size"), [({}, (224, 224)), ({"imgsz": "[64, 96]"}, (64, 96)), ({"imgsz": "x"}, (224, 224))]
)
def test_size_that_the_file_leaves_open(tmp_path, metadata, size):
    network = read_network(LINEAR["dynamic"]().write(tmp_path / "a.onnx", metadata=metadata))
    assert (network.image.height, network.image.width) == size
    assert list(network.model.outputs[0].shape) == [1, size[0] // 4, size[1] // 4, CHANNELS]


def test_pixels_are_scaled_channel_by_channel_and_blue_comes_first(tmp_path):
    writer = LINEAR["pooled"]()
    model = read_network(writer.write(tmp_path / "a.onnx")).with_pixels(
        Preprocessing(True, (1 / 50, 1 / 60, 1 / 70), (-1.0, -2.0, -3.0))
    )
    pixels = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    _, logits = run(model, pixels)
    blue_first = pixels[..., ::-1] / np.array([50, 60, 70]) - np.array([1, 2, 3])
    (expected,) = writer.compute(blue_first.transpose(0, 3, 1, 2).astype(np.float32), "logits")
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_input_of_bytes_receives_the_pixels(tmp_path):
    writer = GraphWriter(dtype=np.uint8).add("Cast", to=1).features().pooled().dense()
    network = read_network(writer.write(tmp_path / "a.onnx"))
    pixels = np.random.default_rng(0).integers(0, 256, NCHW, np.uint8)
    _, logits = run(network.with_pixels(Preprocessing(False, (1.0,), (0.0,))), pixels.transpose(0, 2, 3, 1).copy())
    np.testing.assert_allclose(logits, writer.compute(pixels, "logits")[0], rtol=1e-5, atol=1e-3)
    assert network.image.value_range is None


def test_quantised_input_receives_what_it_stands_for(tmp_path):
    scale, zero = np.float32(1 / 64), np.uint8(128)
    writer = GraphWriter(dtype=np.uint8).add("DequantizeLinear", scale, zero, name="real").features().pooled().dense()
    network = read_network(writer.write(tmp_path / "a.onnx"))
    assert network.image.value_range == (-2.0, 127 / 64)
    pixels = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    _, logits = run(network.with_pixels(Preprocessing(False, (2 / 127.5,), (-2.0,))), pixels)  # -2..2
    integers = np.rint((pixels * (2 / 127.5) - 2.0) * 64 + 128).clip(0, 255).astype(np.uint8).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(logits, writer.compute(integers, "logits")[0], atol=2e-3)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan])
def test_scale_that_is_none_is_not_undone(tmp_path, scale):
    writer = GraphWriter(dtype=np.uint8).add("Cast", to=1).add("Mul", np.float32(scale)).features().pooled().dense()
    assert read_network(writer.write(tmp_path / "a.onnx")).image.value_range is None


def test_blue_first_is_the_same_for_grey(tmp_path):
    network = read_network(LINEAR["grey"]().write(tmp_path / "a.onnx"))
    pixels = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    (_, logits), (_, expected) = (
        run(network.with_pixels(Preprocessing(bgr, (1 / 255,), (0.0,))), pixels) for bgr in (True, False)
    )
    np.testing.assert_array_equal(logits, expected)


def test_openvino_file_is_read_as_the_onnx_file_it_was_made_of(tmp_path):
    writer = LINEAR["softmax"]()
    onnx_path = writer.write(tmp_path / "a.onnx", metadata={"names": "['a', 'b', 'c', 'd', 'e']"})
    ov.save_model(ov.Core().read_model(onnx_path), tmp_path / "b.xml", compress_to_fp16=True)
    expected, network = read_network(onnx_path), read_network(tmp_path / "b.xml")
    image = as_nhwc(image_of(writer))
    np.testing.assert_allclose(run(network.model, image)[1], run(expected.model, image)[1], atol=2e-3)
    np.testing.assert_allclose(network.head.weights, expected.head.weights, atol=2e-3)
    assert network.labels == expected.labels == ("a", "b", "c", "d", "e")
    assert network.layer_name == "last"


def test_output_is_chosen_by_name(tmp_path):
    writer = LINEAR["softmax"]()
    path = writer.write(tmp_path / "a.onnx", outputs=[writer.at, "last"])
    with pytest.raises(ModelError, match=r"has 2 outputs; .*--model-output: softmax7, last$"):
        read_network(path)
    with pytest.raises(ModelError, match=r"has no output 'x'; .*--model-output: softmax7, last$"):
        read_network(path, "x")
    assert read_network(path, "softmax7").classes == CLASSES


def test_batch_in_a_file_is_made_one(tmp_path):
    writer = GraphWriter((4, 3, 32, 32)).features().add("Reshape", np.array([4, -1])).dense(512)
    network = read_network(writer.write(tmp_path / "a.onnx"))
    images = image_of(writer)
    for image, expected in zip(images, writer.compute(images, "logits")[0], strict=True):
        np.testing.assert_allclose(run(network.model, as_nhwc(image[np.newaxis]))[1][0], expected, atol=1e-5)
