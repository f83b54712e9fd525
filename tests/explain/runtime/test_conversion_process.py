"""Errors and results of the conversion in a subprocess."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from live_cam import child_task
from live_cam.child_process import start_child
from live_cam.errors import LiveCamError, WeightsError
from live_cam.explain.runtime import conversion_process
from live_cam.explain.runtime.conversion_process import ConversionRequest, convert_in_subprocess
from live_cam.models.network_file import NetworkFile
from tests.processes import process_state

pytestmark = pytest.mark.slow


@pytest.fixture
def request_(weights):
    """The conversion that takes least: the forward pass alone."""
    return ConversionRequest(
        NetworkFile(str(weights.path)), ("conv5_block3_out",), "logit", batch_size=1, num_targets=0
    )


def test_model_is_written_and_nothing_else(request_, tmp_path, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CI", "false")  # where OpenVINO reports nothing
    convert_in_subprocess(request_, tmp_path / "step.xml")
    assert {path.name for path in home.iterdir()} <= {".keras"}, "no telemetry"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step.bin", "step.xml"]
    assert (tmp_path / "step.bin").stat().st_size > 90_000_000
    assert (tmp_path / "step.xml").read_text().startswith("<?xml")


@pytest.fixture
def started(monkeypatch):
    """The children that were started."""
    children = []

    def start(*arguments, **options):
        children.append(start_child(*arguments, **options))
        return children[-1]

    monkeypatch.setattr(child_task, "start_child", start)
    return children


def test_a_process_started_ahead_has_loaded_when_it_is_asked(started, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion_process, "_MODULE", "tests.explain.runtime.loading_conversion")
    conversion_process.load_ahead()
    conversion_process.load_ahead()  # the second road to the weights, where the first has failed
    assert len(started) == 1
    asked = ConversionRequest(NetworkFile("none.npz"), (), "logit", 1, 0)
    convert_in_subprocess(asked, tmp_path / "step.xml")
    assert (tmp_path / "step.xml").read_text() == "loaded, then asked"
    assert len(started) == 1
    convert_in_subprocess(asked, tmp_path / "other.xml")
    assert len(started) == 2, "it serves one conversion"
    # Not every conversion needs TensorFlow.
    assert (tmp_path / "other.xml").read_text() == "loaded last, then asked"


def test_a_process_that_no_conversion_took_is_ended(started):
    conversion_process.load_ahead()
    conversion_process.end_loaded()
    assert started[0].returncode is not None
    conversion_process.end_loaded()


def test_weights_of_another_network_raise_a_weights_error(request_, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion_process, "_MODULE", "tests.explain.runtime.mismatched_conversion")
    with pytest.raises(WeightsError, match=r"^other\.npz does not match ResNet50$"):
        convert_in_subprocess(replace(request_, network=NetworkFile("other.npz")), tmp_path / "step.xml")


def test_directory_that_is_not_writable_raises_an_os_error(request_, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="step") as caught:
        convert_in_subprocess(request_, tmp_path / "file" / "step.xml")
    assert not isinstance(caught.value, LiveCamError)


@pytest.fixture
def signal_child(monkeypatch):
    """Sends a signal to each child as soon as it is started."""

    def arrange(number):
        def start(*arguments, **options):
            child = start_child(*arguments, **options)
            child.send_signal(number)
            return child

        monkeypatch.setattr(child_task, "start_child", start)

    return arrange


def test_a_killed_subprocess_is_reported_as_such(request_, tmp_path, signal_child):
    signal_child(signal.SIGKILL)
    with pytest.raises(LiveCamError, match=r"failed: its process was ended by SIGKILL, as happens without enough mem"):
        convert_in_subprocess(request_, tmp_path / "step.xml")


_CONVERT = """
import sys
from pathlib import Path
from live_cam import child_task
from live_cam.explain.runtime import conversion_process
from live_cam.models.network_file import NetworkFile

def start(*arguments, **options):
    child = start_child(*arguments, **options)
    print(child.pid, flush=True)
    return child

start_child, child_task.start_child = child_task.start_child, start
request = conversion_process.ConversionRequest(NetworkFile(sys.argv[1]), ("conv5_block3_out",), "logit", 1, 0)
conversion_process.convert_in_subprocess(request, Path(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_subprocess_ends_with_its_parent(weights, tmp_path, eventually):
    command = [sys.executable, "-c", _CONVERT, str(weights.path), str(tmp_path / "step.xml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        eventually((tmp_path / "step.xml").exists, within_s=240)
        parent.kill()
    eventually(lambda: process_state(pid) == "Z")
    assert not (tmp_path / "step.bin").exists(), "it went on to the end"


def test_a_stopped_subprocess_is_not_waited_for_without_end(request_, tmp_path, signal_child, monkeypatch):
    monkeypatch.setattr(child_task, "_LIMIT_S", 0.3)
    signal_child(signal.SIGSTOP)
    with pytest.raises(LiveCamError, match=r"it took more than 0\.005 minutes; end other programs and try again"):
        convert_in_subprocess(request_, tmp_path / "step.xml")


@pytest.mark.parametrize(
    ("output", "log", "reason"),
    [
        (
            b'{"type": "", "message": "TypeError: no int"}',
            "Could not find cuda drivers on your machine",
            "TypeError: no",
        ),
        (b"", "Traceback (most recent call last):\nImportError: no numpy\n", "ImportError: no numpy"),
        (b"", "", "exit status 1"),
    ],
)
def test_the_reason_is_what_the_subprocess_reports(output, log, reason):
    error = child_task._error(1, output, log, "converting the network")
    assert str(error).startswith(f"converting the network failed: {reason}")


def test_an_error_that_nobody_expects_is_reported_as_it_is(request_, tmp_path):
    with pytest.raises(LiveCamError, match=r"converting the network for OpenVINO failed: TypeError: .*'?int'?"):
        convert_in_subprocess(replace(request_, converted="step.xml", int8_table=5), tmp_path / "step.xml")
