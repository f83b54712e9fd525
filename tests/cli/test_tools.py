"""`live-cam layers`, `cameras`, `bench` and `doctor`."""

from __future__ import annotations

import json
import os
import re
from types import SimpleNamespace

import pytest

import live_cam as package
from live_cam.cli import benchmark
from live_cam.cli import doctor as checks
from live_cam.cli.tools import doctor
from live_cam.explain.runtime.compiled_step import CompiledStep
from live_cam.sources import camera_list
from live_cam.sources.camera_list import CameraInfo, CameraMode
from tests.clocks import FakeClock

_WEBCAM = CameraInfo(
    "0",
    "HD Webcam",
    (CameraMode(640, 480, 30.0, "YUYV"), CameraMode(640, 480, 30.0, "MJPEG"), CameraMode(1280, 720, 59.94, "MJPEG")),
    "",
)
_NAMELESS = CameraInfo("1", "", (CameraMode(640, 480, 0.0, ""),), "")
_BUSY = CameraInfo("2", "Capture card", (), "Camera 2 can't be opened: another program is using it")
_SILENT = CameraInfo("3", "", (), "")


@pytest.mark.slow
def test_layers_lists_what_can_be_explained_with_sizes(live_cam):
    lines = live_cam("layers").stdout.splitlines()
    assert lines[0].split() == ["layer", "height", "width", "channels"]
    rows = [line.split() for line in lines[1:]]
    assert rows[0] == ["conv1_conv", "112", "112", "64"]
    assert ["conv4_block6_out", "14", "14", "1024"] in rows
    assert rows[-1] == ["conv5_block3_out", "7", "7", "2048", "(the", "default)"]
    assert not {"avg_pool", "predictions", "conv1_pad"} & {row[0] for row in rows}


@pytest.fixture
def list_cameras(live_cam, monkeypatch):
    """Runs the command on a machine with these cameras: `list_cameras(infos, "--json")` returns what it prints."""

    def run(infos, *options):
        monkeypatch.setattr(camera_list, "list_cameras", lambda: infos)
        result = live_cam("cameras", *options)
        assert result.status == 0
        return result.stdout

    return run


def test_cameras_prints_one_line_per_camera(list_cameras):
    assert list_cameras([_WEBCAM, _NAMELESS, _BUSY, _SILENT]).splitlines() == [
        "0  HD Webcam: 640x480 at 30 (YUYV); 640x480 at 30, 1280x720 at 59.94 (MJPEG)",
        "1  640x480",
        "2  Capture card: Camera 2 can't be opened: another program is using it",
        "3  it reports no size",
    ]


def test_cameras_prints_an_array_as_json(list_cameras):
    cameras = json.loads(list_cameras([_WEBCAM, _BUSY], "--json"))
    assert [camera["name"] for camera in cameras] == ["0", "2"]
    assert cameras[0]["modes"][0] == {"width_px": 640, "height_px": 480, "rate_fps": 30.0, "pixel_format": "YUYV"}
    assert cameras[1] == {"name": "2", "title": "Capture card", "modes": [], "problem": _BUSY.problem}


def test_without_a_camera_one_line_names_the_alternatives(list_cameras):
    (line,) = list_cameras([]).splitlines()
    assert all(word in line for word in ("No camera", "USB", "browser", "demo", "video"))


def test_without_a_camera_the_json_array_is_empty(list_cameras):
    assert json.loads(list_cameras([], "--json")) == []


def test_the_cameras_of_this_machine_are_listed_whichever_they_are(live_cam):
    result = live_cam("cameras")
    assert result.status == 0, result.stderr
    assert result.stdout.strip()
    assert result.stderr == ""


@pytest.fixture
def convolution_clock(monkeypatch):
    """Turns the clock of `bench` by 1 ms for each convolution that OpenVINO computes, however busy the machine is."""
    clock, infer = FakeClock(), CompiledStep.infer

    def advance(compiled, *tensors):
        graph = compiled.requests[0][0].get_compiled_model().get_runtime_model()
        kinds = [node.get_rt_info()["layerType"].astype(str) for node in graph.get_ops()]
        clock.advance(kinds.count("Convolution") / 1000)
        return infer(compiled, *tensors)

    monkeypatch.setattr(CompiledStep, "infer", advance)
    monkeypatch.setattr(benchmark, "time", SimpleNamespace(perf_counter_ns=clock.now_ns))


@pytest.mark.usefixtures("convolution_clock")
@pytest.mark.slow
def test_bench_times_the_step_against_a_forward_pass_of_the_same_kind(live_cam, monkeypatch):
    monkeypatch.setattr(benchmark, "_ROUNDS", 3)
    monkeypatch.setattr(benchmark, "_CALLS_PER_ROUND", 2)
    result = live_cam("bench", "--json", "--precision", "float32")
    assert result.status == 0, result.stderr
    times = json.loads(result.stdout)
    kind = [times[key] for key in ("layer", "method", "score", "runtime", "precision", "device")]
    assert kind == ["conv5_block3_out", "gradcam", "logit", "openvino", "float32", "CPU"]
    for name in ("step_ms", "forward_ms"):
        assert 1.0 < times[name]["median"] <= times[name]["p95"]
    assert times["ratio"] == pytest.approx(times["step_ms"]["median"] / times["forward_ms"]["median"], abs=0.01)
    # An explanation costs no second forward pass.
    assert times["ratio"] < 1.5


@pytest.mark.slow
def test_doctor_checks_everything_and_changes_nothing(live_cam, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = live_cam("doctor")
    assert result.status == 0, result.stdout
    for word in ("Python 3.", "tensorflow", "gradio", "websockets", "weights", "camera", "free"):
        assert word in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_doctor_fails_if_a_needed_package_does_not_import(live_cam, monkeypatch):
    monkeypatch.setitem(checks._MODULES, "numpy", "live_cam.no_such_module")
    result = live_cam("doctor")
    assert result.status == 1
    (missing,) = (line for line in result.stdout.splitlines() if line.startswith("MISSING"))
    assert "numpy does not import" in missing
    assert re.search(r"install .*--force-reinstall 'numpy<3,>=1\.26'$", missing)


@pytest.mark.parametrize(("is_checkout", "mentions"), [(True, 1), (False, 0)])
def test_the_scripts_of_a_checkout_are_named_only_there(tmp_path, monkeypatch, is_checkout, mentions):
    monkeypatch.setattr("live_cam.explain.runtime.select.gpu_available", lambda: False)
    monkeypatch.setattr(checks, "_nvidia_gpu", lambda: "NVIDIA GeForce RTX 4070")
    if not is_checkout:
        monkeypatch.setattr(package, "__file__", str(tmp_path / "site-packages" / "live_cam" / "__init__.py"))
    assert checks._accelerator().text.count("./scripts/run") == mentions


def test_doctor_prints_each_check_before_the_next_begins(monkeypatch, capfd):
    printed: list[str] = []

    def camera():
        printed.append(capfd.readouterr().out)
        return checks.Check(True, False, "a camera")

    monkeypatch.setattr(checks, "_MODULES", {"numpy": "numpy"})
    monkeypatch.setattr(checks, "_camera", camera)
    monkeypatch.setattr(checks, "_accelerator", lambda: checks.Check(True, False, "a GPU"))
    doctor()
    assert "numpy" in printed[0]
    assert "a GPU" not in printed[0]
    assert "a GPU" in capfd.readouterr().out


@pytest.mark.slow
def test_doctor_reports_a_gpu_that_nothing_uses(live_cam, tmp_path, monkeypatch):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4070'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    result = live_cam("doctor")
    assert result.status == 0
    (line,) = (line for line in result.stdout.splitlines() if "RTX 4070" in line)
    assert "NVIDIA GeForce RTX 4070 is there and unused" in line
    assert "pip install 'live_cam[cuda]'" in line

    driver.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert "NVIDIA-SMI has failed" not in live_cam("doctor").stdout
