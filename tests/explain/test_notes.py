"""The lines a person reads before choosing a method or a layer."""

import subprocess
import sys
import typing

import pytest

from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.notes import LAYER_NOTES, METHOD_NOTES
from live_cam.frame import Method


def test_every_method_has_its_line():
    assert tuple(METHOD_NOTES) == typing.get_args(Method)


def test_the_default_layer_is_offered_first():
    assert next(iter(LAYER_NOTES)) == DEFAULT_LAYER


@pytest.mark.parametrize("note", [*METHOD_NOTES.values(), *LAYER_NOTES.values()])
def test_a_note_is_one_sentence_that_fits_beside_its_control(note):
    assert len(note) <= 120
    assert note.endswith(".")
    assert "\n" not in note


def test_the_size_a_layers_note_tells_is_the_layers_own(network):
    from live_cam.explain.network import activations

    shapes = activations(network)
    for layer, note in LAYER_NOTES.items():
        height, width, _ = shapes[layer]
        assert note.startswith(f"{height}x{width} places: ")


def test_a_page_that_shows_the_notes_needs_no_tensorflow():
    code = "import sys, live_cam.explain.notes; print('tensorflow' in sys.modules, 'openvino' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert told.stdout.split() == ["False", "False"], told.stderr
