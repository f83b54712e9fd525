"""The real network: what it predicts, which layers it offers, which weights it refuses."""

from pathlib import Path

import numpy as np
import pytest

from live_cam.errors import UnknownLayerError, WeightsError
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.labels import imagenet_labels
from live_cam.models.weights.find import Weights

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("label", "probability"), [("cheetah", 0.99), ("lion", 0.98), ("Egyptian cat", 0.97), ("espresso", 0.99)]
)
def test_real_network_recognizes_photographs(network, caffe_preprocess, photographs, label, probability):
    from live_cam.models.preprocess import resize_to_input

    rgb = np.empty((1, 224, 224, 3), np.uint8)
    resize_to_input([photographs[label]], rgb)
    logits = network(caffe_preprocess(rgb), training=False).numpy()[0]
    top = logits.argmax()
    assert imagenet_labels()[top] == label
    assert probabilities(logits, "softmax")[top] == pytest.approx(probability, abs=0.01)


def test_network_outputs_logits_and_not_probabilities(network):
    logits = network(np.zeros((1, 224, 224, 3), np.float32)).numpy()
    assert logits.shape == (1, 1000)
    assert logits.min() < 0.0
    assert logits.max() > 1.0


@pytest.mark.parametrize(
    ("layer", "size", "channels"),
    [
        ("conv1_relu", 112, 64),
        ("conv2_block3_out", 56, 256),
        ("conv4_block6_out", 14, 1024),
        ("conv5_block3_out", 7, 2048),
    ],
)
def test_activations_are_listed_with_their_size(network, layer, size, channels):
    from live_cam.models.network import Network

    assert Network(network).activations[layer] == (size, size, channels)


def test_neither_input_nor_head_is_listed(network):
    from live_cam.models.network import Network

    names = list(Network(network).activations)
    assert (names[0], names[-1]) == ("conv1_conv", "conv5_block3_out")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv5_block3_ou", r"'conv5_block3_ou'; did you mean conv5_block3_out"),
        # Without a name near it; `activation_49` is the layer's name in older versions of Keras.
        ("xyz", r"'xyz'; `live-cam layers` lists them"),
        ("activation_49", r"'activation_49'; "),
        ("avg_pool", r"'avg_pool' has no spatial output.*the default is conv5_block3_out"),
        ("predictions", r"'predictions' has no spatial output.*the default is conv5_block3_out"),
    ],
)
def test_unknown_layer_is_a_usage_error(network, layer, message):
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.models.network import Network

    with pytest.raises(UnknownLayerError, match=message) as caught:
        StepGraph(Network(network), (layer,), "logit")
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


@pytest.fixture
def refuse(unloaded_network, monkeypatch):
    """Asserts that weights are refused: `refuse(values, name, message)`."""
    from live_cam.models.resnet50 import build_resnet50

    def run(values, name, message):
        monkeypatch.setattr(Weights, "read", lambda _self: values)
        with pytest.raises(WeightsError, match=message) as caught:
            build_resnet50(Weights("file", Path(name), "digest"))
        assert "\n" not in str(caught.value)

    return run


def test_weights_that_are_not_finite_are_refused(values, refuse):
    kernel = values["conv1_conv/kernel"].copy()
    kernel[0, 0, 0, 0] = np.nan
    refuse({**values, "conv1_conv/kernel": kernel}, "nan.npz", r"nan\.npz contains values .* not finite")


@pytest.mark.parametrize(
    ("change", "reason"), [({}, r"is missing"), ({"predictions/bias": np.zeros(10, np.float32)}, r"is \(10,\)")]
)
def test_weights_of_another_network_are_refused(values, refuse, change, reason):
    others = {name: array for name, array in values.items() if name != "predictions/bias"}
    message = rf"other\.npz does not match ResNet50: predictions/bias should be \(1000,\), {reason}"
    refuse({**others, **change}, "other.npz", message)
