"""TFLite files as TensorFlow's converter writes them, against TensorFlow's interpreter."""

import functools
import warnings
import zipfile

import numpy as np
import openvino as ov
import pytest

from live_cam.errors import ModelError
from live_cam.models.openvino_files.network import read_network
from live_cam.models.preprocessing import Preprocessing

pytestmark = pytest.mark.slow

HEIGHT, WIDTH, CLASSES = 32, 48, 5
PLACES = HEIGHT // 4, WIDTH // 4
RAW = Preprocessing(False, (1.0,), (0.0,))


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """`convert(head, kind)`: a network of Keras that rescales pixels itself, as a file, and TensorFlow's prediction."""
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("tflite")
    samples = np.random.default_rng(0).uniform(0.0, 255.0, (20, 1, HEIGHT, WIDTH, 3)).astype(np.float32)

    def network(head):
        keras.utils.set_random_seed(0)
        features = inputs = keras.Input((HEIGHT, WIDTH, 3))
        features = keras.layers.Rescaling(1 / 127.5, -1)(features)
        for filters in (8, 16):
            features = keras.layers.Conv2D(filters, 3, 2, "same", activation="relu")(features)
        to_vector = {"pooled": keras.layers.GlobalAveragePooling2D, "flattened": keras.layers.Flatten}[head]()
        return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(to_vector(features)))

    @functools.cache
    def write(head, kind):
        converter = tf.lite.TFLiteConverter.from_keras_model(network(head))
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind in ("uint8", "int8"):
            converter.representative_dataset = lambda: ([sample] for sample in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(kind)
        if kind == "float16":
            converter.target_spec.supported_types = [tf.float16]
        path = folder / f"{head}_{kind}.tflite"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Statistics for quantized inputs")
            path.write_bytes(converter.convert())
        return path

    def predict(path, pixels):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
            interpreter = tf.lite.Interpreter(str(path))
        interpreter.allocate_tensors()
        (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
        values = pixels.astype(np.float32)
        if taken["dtype"] is not np.float32:
            scale, zero_point = taken["quantization"]
            values = np.rint(values / scale + zero_point)
            values = values.clip(np.iinfo(taken["dtype"]).min, np.iinfo(taken["dtype"]).max)
        interpreter.set_tensor(taken["index"], values.astype(taken["dtype"]))
        interpreter.invoke()
        output = interpreter.get_tensor(given["index"])
        if given["dtype"] is np.float32:
            return output
        scale, zero_point = given["quantization"]
        return (output.astype(np.float32) - zero_point) * scale

    return lambda head, kind: (write(head, kind), predict)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        *(("pooled", kind) for kind in ("float32", "float16", "dynamic", "uint8", "int8")),
        *(("flattened", kind) for kind in ("float32", "int8")),
    ],
)
def test_predictions_are_those_of_tensorflow(convert, head, kind):
    path, predict = convert(head, kind)
    network = read_network(path)
    compiled = ov.Core().compile_model(network.with_pixels(RAW), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    # A quantised output has steps of 1/256, and dynamic ranges are rounded anew by TensorFlow in each run.
    atol = {"float32": 1e-5, "float16": 1e-3, "dynamic": 5e-3}.get(kind, 1.5 / 256)
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
        activation, logits = (np.array(each) for each in compiled([pixels]).values())
        exponentials = np.exp(logits - logits.max())
        np.testing.assert_allclose(exponentials / exponentials.sum(), predict(path, pixels), atol=atol)
        assert activation.shape == (1, *PLACES, 16)
        if head == "pooled":
            by_hand = activation.mean(axis=(1, 2)) @ network.head.weights + network.head.bias
            # Quantised files round the pooled values and the logits, too.
            np.testing.assert_allclose(by_hand, logits, atol=0.05 if kind in ("uint8", "int8") else 1e-4)
    assert (network.head is None) == (head == "flattened")
    assert network.layer_name == "Relu_2"
    assert (network.image.value_range is not None) == (kind in ("uint8", "int8"))
    if network.image.value_range:
        np.testing.assert_allclose(network.image.value_range, (0.0, 255.0), atol=0.1)


def test_layer_has_the_same_name_each_time(convert):
    path, _ = convert("pooled", "float32")
    assert {read_network(path).layer_name for _ in range(2)} == {"Relu_2"}


def test_labels_behind_the_network(convert, tmp_path):
    path, _ = convert("pooled", "float32")
    labelled = tmp_path / "labelled.tflite"
    labelled.write_bytes(path.read_bytes())
    with zipfile.ZipFile(labelled, "a") as archive:
        archive.writestr("labels.txt", "a\nb\nc\nd\ne\n")
    assert read_network(labelled).labels == ("a", "b", "c", "d", "e")
    assert read_network(path).labels is None


def test_cut_short(convert, tmp_path):
    path, _ = convert("pooled", "float32")
    whole = path.read_bytes()
    for size in (8, 100, len(whole) // 2, len(whole) - 4):
        (tmp_path / "cut.tflite").write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"cut\.tflite .*export it again$"):
            read_network(tmp_path / "cut.tflite")
