"""The layers offered to choose from."""

import pytest

from live_cam.models.layers import DEFAULT_LAYER, LAYER_NOTES, check_resnet50_layer, resnet50_layers

pytestmark = pytest.mark.slow


def test_default_layer_is_offered_first():
    assert next(iter(LAYER_NOTES)) == DEFAULT_LAYER


@pytest.mark.parametrize("note", LAYER_NOTES.values(), ids=LAYER_NOTES.keys())
def test_note_is_one_sentence_that_fits_beside_its_control(note):
    assert len(note) <= 120
    assert note.endswith(".")
    assert "\n" not in note


def test_note_states_the_size_of_its_layer(network):
    from live_cam.models.network import Network

    shapes = Network(network).activations
    for layer, note in LAYER_NOTES.items():
        height, width, _ = shapes[layer]
        assert note.startswith(f"{height}x{width} positions: ")


def test_the_layers_known_beforehand_are_those_of_the_network(network):
    from live_cam.models.network import Network

    assert sorted(resnet50_layers()) == sorted(Network(network).activations)
    for operation in network.operations[1:]:  # behind the input
        check_resnet50_layer(operation.name)
