import numpy as np
import pytest

from live_cam.errors import UnknownLayerError, WeightsError
from live_cam.explain import arrays
from live_cam.explain.labels import imagenet_labels
from live_cam.explain.probabilities import probabilities
from live_cam.explain.weights import Weights


@pytest.mark.parametrize(
    ("label", "probability"), [("cheetah", 0.97), ("lion", 0.98), ("Egyptian cat", 0.95), ("espresso", 0.99)]
)
def test_the_real_network_names_real_photographs_as_surely_as_it_should(step, photographs, label, probability):
    _, logits = step(photographs[label][np.newaxis], np.zeros((1, 1, 1000), np.float32))
    likeliest = logits[0].argmax()
    assert imagenet_labels()[likeliest] == label
    assert probabilities(logits[0])[likeliest] == pytest.approx(probability, abs=0.01)


def test_the_network_gives_logits_and_no_probabilities(network):
    logits = network(np.zeros((1, 224, 224, 3), np.float32)).numpy()
    assert logits.shape == (1, 1000)
    assert logits.min() < 0.0
    assert logits.max() > 1.0


@pytest.mark.parametrize(
    ("layer", "places", "channels"),
    [
        ("conv1_relu", 112, 64),
        ("conv2_block3_out", 56, 256),
        ("conv4_block6_out", 14, 1024),
        ("conv5_block3_out", 7, 2048),
    ],
)
def test_what_can_be_explained_is_listed_with_its_size(network, layer, places, channels):
    from live_cam.explain.network import activations

    assert activations(network)[layer] == (places, places, channels)


def test_neither_the_picture_itself_nor_the_head_is_listed(network):
    from live_cam.explain.network import activations

    names = list(activations(network))
    assert (names[0], names[-1]) == ("conv1_conv", "conv5_block3_out")


def test_an_unknown_layer_is_answered_with_the_names_near_it(define):
    with pytest.raises(UnknownLayerError, match=r"'conv5_block3_ou'; did you mean conv5_block3_out") as caught:
        define("conv5_block3_ou")
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


# The article's name in its version of Keras; nothing here is called anything like it.
def test_an_unknown_layer_with_no_name_near_it_is_answered_with_where_the_names_are(define):
    with pytest.raises(UnknownLayerError, match=r"'xyz'; `live-cam layers` lists them"):
        define("xyz")


@pytest.mark.parametrize("layer", ["avg_pool", "predictions"])
def test_a_layer_that_keeps_no_places_is_refused(define, layer):
    with pytest.raises(UnknownLayerError, match=f"'{layer}' keeps no places.*the default is conv5_block3_out"):
        define(layer)


def test_weights_that_are_not_numbers_are_refused(values, tmp_path):
    from live_cam.explain.network import build_network

    kernel = values["conv1_conv/kernel"].copy()
    kernel[0, 0, 0, 0] = np.nan
    path = tmp_path / "nan.npz"
    arrays.write_archive({**values, "conv1_conv/kernel": kernel}, path)
    with pytest.raises(WeightsError, match="not finite"):
        build_network(Weights("file", path, "digest"))
