"""What a person hears of a conversion that fails in the child process."""

from dataclasses import replace

import numpy as np
import pytest

from live_cam.errors import LiveCamError, UnknownLayerError, WeightsError
from live_cam.explain.converter import Recipe, convert_in_child

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(weights):
    return Recipe(str(weights.path), ("conv5_block3_out",), "logit", frames_n=1, targets_k=1)


def test_a_model_is_written_and_nothing_else(recipe, tmp_path):
    convert_in_child(recipe, tmp_path / "step.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step.bin", "step.xml"]


def test_an_unknown_layer_is_the_users_mistake(recipe, tmp_path):
    with pytest.raises(UnknownLayerError, match="did you mean conv5_block3_out"):
        convert_in_child(replace(recipe, layers=("conv5_block3_ou",)), tmp_path / "step.xml")


def test_weights_of_another_network_are_told_by_name(recipe, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, **{"conv1_conv/kernel": np.zeros((3, 3), np.float32)})
    with pytest.raises(WeightsError, match=r"other\.npz does not fit ResNet50"):
        convert_in_child(replace(recipe, weights_path=str(path)), tmp_path / "step.xml")


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_weights(recipe, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="step") as caught:
        convert_in_child(recipe, tmp_path / "file" / "step.xml")
    assert not isinstance(caught.value, LiveCamError)


def test_a_child_that_dies_leaves_its_last_word(recipe, tmp_path):
    with pytest.raises(LiveCamError, match=r"converting the network for OpenVINO failed: .*'many'"):
        convert_in_child(replace(recipe, frames_n="many"), tmp_path / "step.xml")
