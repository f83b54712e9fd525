"""Graphs with random weights: the same network to look at, with other answers."""

import numpy as np
import pytest

from live_cam.models.openvino_files.network import read_network
from tests.models.openvino_files.graphs import CHANNELS, LINEAR, OTHERS, PLACES, GraphWriter, as_nhwc, image_of
from tests.models.openvino_files.test_network import fixed, run


@pytest.mark.parametrize("name", ["quantised", "half_inside", "class_maps", "gated"])
def test_a_shuffled_graph_is_taken_apart_as_before_and_answers_otherwise(tmp_path, name):
    writer = fixed({**LINEAR, **OTHERS}[name]())
    path = writer.write(tmp_path / "a.onnx")
    trained, shuffled = read_network(path), read_network(path, shuffle_seed=0)
    assert (shuffled.layer_name, shuffled.classes) == (trained.layer_name, trained.classes)
    assert (shuffled.head is None) == (trained.head is None)
    of_trained, of_shuffled = (run(each.model, as_nhwc(image_of(writer))) for each in (trained, shuffled))
    for before, after in zip(of_trained, of_shuffled, strict=True):
        assert after.shape == before.shape
        assert not np.allclose(after, before, atol=0.02)


def test_weights_are_the_same_at_other_places_and_biases_stay(tmp_path):
    """Against the same computed by hand: two convolutions of one pixel, of which `last` is the second."""
    kernels = [np.random.default_rng(seed).standard_normal((CHANNELS, 3 + 5 * seed, 1, 1)) for seed in range(2)]
    writer = GraphWriter()
    for number, (name, kernel) in enumerate(zip(("first", "last"), kernels, strict=True)):
        bias = np.full(CHANNELS, 0.5 + number, np.float32)
        writer.add("Conv", kernel.astype(np.float32), bias, strides=[2, 2]).add("Relu", name=name)
    path = writer.pooled().dense().write(tmp_path / "a.onnx")
    network = read_network(path, shuffle_seed=0)
    convolutions = [each for each in network.model.get_ordered_ops() if each.get_type_name() == "Convolution"]
    found = [each.input_value(1).get_node().data for each in convolutions]
    for was, now in zip(kernels, found, strict=True):
        np.testing.assert_allclose(np.sort(now, axis=None), np.sort(was, axis=None), rtol=1e-6)
        assert not np.allclose(now, was)
    image = as_nhwc(image_of(writer))
    values = image[:, ::4, ::4]
    for number, kernel in enumerate(found):
        values = np.maximum(values @ kernel[:, :, 0, 0].T + 0.5 + number, 0.0)
    activation, logits = run(network.model, image)
    assert activation.shape[1:3] == PLACES
    np.testing.assert_allclose(activation, values, atol=1e-4 * values.max())
    trained = read_network(path).head
    np.testing.assert_array_equal(np.sort(network.head.weights, axis=None), np.sort(trained.weights, axis=None))
    np.testing.assert_array_equal(network.head.bias, trained.bias)
    by_hand = values.mean(axis=(1, 2)) @ network.head.weights + trained.bias
    np.testing.assert_allclose(logits, by_hand, atol=1e-4 * np.abs(by_hand).max())
