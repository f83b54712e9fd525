"""Errors and results of the conversion in a subprocess."""

from dataclasses import replace

import numpy as np
import pytest

from live_cam.errors import LiveCamError, WeightsError
from live_cam.explain.runtime.conversion_process import ConversionRequest, convert_in_subprocess

pytestmark = pytest.mark.slow


@pytest.fixture
def request_(weights):
    """The conversion that takes least: the forward pass alone."""
    return ConversionRequest(str(weights.path), ("conv5_block3_out",), "logit", batch_size=1, num_targets=0)


def test_model_is_written_and_nothing_else(request_, tmp_path):
    convert_in_subprocess(request_, tmp_path / "step.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step.bin", "step.xml"]
    assert (tmp_path / "step.bin").stat().st_size > 90_000_000
    assert (tmp_path / "step.xml").read_text().startswith("<?xml")


def test_weights_of_another_network_raise_a_weights_error(request_, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, **{"conv1_conv/kernel": np.zeros((3, 3), np.float32)})  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"other\.npz does not match ResNet50"):
        convert_in_subprocess(replace(request_, weights_path=str(path)), tmp_path / "step.xml")


def test_directory_that_is_not_writable_raises_an_os_error(request_, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="step") as caught:
        convert_in_subprocess(request_, tmp_path / "file" / "step.xml")
    assert not isinstance(caught.value, LiveCamError)


def test_subprocess_that_crashes_leaves_its_last_line(request_, tmp_path):
    with pytest.raises(LiveCamError, match=r"converting the network for OpenVINO failed: TypeError: .*'?int'?"):
        convert_in_subprocess(replace(request_, weights_path=5), tmp_path / "step.xml")
