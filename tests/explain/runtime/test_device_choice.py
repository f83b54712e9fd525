"""The device that explains fastest, among those whose maps are right."""

import json
import logging

import pytest

from live_cam import child_task
from live_cam.explain.runtime import device_choice
from live_cam.explain.runtime.device_choice import fastest_device, remembered
from live_cam.explain.runtime.openvino_step import device_names
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from tests.explain.runtime import other_devices
from tests.networks import through_json

pytestmark = pytest.mark.slow

MACHINE = {"CPU": "A processor", "GPU.0": "An accelerator", "GPU.1": "A broken driver", "NPU": "An inexact one"}


@pytest.fixture
def model(colour_models):
    return open_model(colour_models[0], ModelOptions(), silent)


@pytest.fixture
def measured(monkeypatch):
    """The requests for measurements, on a machine with four devices; the one that crashes has a process of its own."""
    requests = []

    def run(module, request, failure):
        requests.append(request[1:])
        if request[1] == "GPU.1":
            return child_task.run_task("tests.explain.runtime.other_devices", request, failure)
        return through_json(other_devices.measure)(module, request, failure)

    monkeypatch.setattr(device_choice, "device_names", lambda: MACHINE)
    monkeypatch.setattr(device_choice, "run_task", run)
    return requests


def test_the_fastest_device_whose_maps_are_right_is_chosen_once(model, measured, monkeypatch, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert fastest_device(model, "logit", "auto", tmp_path) == "GPU.0"
    (line,) = caplog.messages
    assert line.startswith("primary: explained on GPU.0; CPU (A processor) takes ")
    assert (
        "; GPU.1 (A broken driver) is left out, since measuring GPU.1 failed: its process was ended by SIGABRT" in line
    )
    assert "; NPU (An inexact one) is left out, since its maps differ from those of the CPU (r = " in line
    assert measured == [["CPU", "float32"], *([device, "auto"] for device in MACHINE)]

    measured.clear()
    caplog.clear()
    assert fastest_device(model, "logit", "auto", tmp_path) == "GPU.0"
    assert (measured, caplog.messages) == ([], [])
    ((name, timings),) = remembered(tmp_path)
    assert name == "primary"
    assert [each.device for each in timings if each.problem] == ["GPU.1", "NPU"]
    assert timings[0].map_correlation == pytest.approx(1.0)

    # Another precision is measured anew, and so is what can't be read.
    monkeypatch.setattr(device_choice, "device_names", lambda: dict(list(MACHINE.items())[:2]))
    fastest_device(model, "logit", "float32", tmp_path)
    assert measured == [["CPU", "float32"], ["CPU", "float32"], ["GPU.0", "float32"]]
    measured.clear()
    for path in tmp_path.iterdir():
        path.write_text(json.dumps({"devices": [{}]}))
    assert fastest_device(model, "logit", "auto", tmp_path) == "GPU.0"
    assert measured


def test_nothing_is_measured_where_there_is_no_choice(model, monkeypatch, tmp_path):
    monkeypatch.setattr(device_choice, "run_task", None)
    monkeypatch.setattr(device_choice, "device_names", lambda: {"CPU": "A processor"})
    assert fastest_device(model, "logit", "auto", tmp_path) == "CPU"
    assert list(tmp_path.iterdir()) == []


def test_this_machine_is_measured_as_it_is(model, monkeypatch, tmp_path):
    # The process that measures, on the processor that is here, beside a device that is not.
    monkeypatch.setattr(device_choice, "device_names", lambda: {**device_names(), "GPU.9": "missing"})
    assert fastest_device(model, "logit", "float32", tmp_path) == "CPU"
    ((_, timings),) = remembered(tmp_path)
    assert timings[0].step_ms > 0.0
    assert "OpenVINO has no device 'GPU.9' on this machine" in timings[-1].problem
