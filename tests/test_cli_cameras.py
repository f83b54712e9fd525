"""`live-cam cameras`, as a person reads it and as a program does."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from live_cam.cli import app
from live_cam.sources import listing
from live_cam.sources.listing import CameraListing, Mode

_WEBCAM = CameraListing(
    "0",
    "HD Webcam",
    (Mode(640, 480, 30.0, "YUYV"), Mode(640, 480, 30.0, "MJPEG"), Mode(1280, 720, 59.94, "MJPEG")),
    "",
)
_NAMELESS = CameraListing("1", "", (Mode(640, 480, 0.0, ""),), "")
_BUSY = CameraListing("2", "Capture card", (), "Camera 2 can't be opened: another program is using it")
_SILENT = CameraListing("3", "", (), "")


@pytest.fixture
def cameras(monkeypatch):
    """Runs the command where these cameras are: `cameras(listings, *words)` gives what is printed."""

    def run(listings, *words):
        monkeypatch.setattr(listing, "probe_cameras", lambda: listings)
        result = CliRunner().invoke(app, ["cameras", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    return run


def test_a_person_reads_a_line_a_camera(cameras):
    assert cameras([_WEBCAM, _NAMELESS, _BUSY, _SILENT]).splitlines() == [
        "0  HD Webcam: 640x480 at 30 (YUYV); 640x480 at 30, 1280x720 at 59.94 (MJPEG)",
        "1  640x480",
        "2  Capture card: Camera 2 can't be opened: another program is using it",
        "3  it names no size",
    ]


def test_a_program_reads_an_array(cameras):
    told = json.loads(cameras([_WEBCAM, _BUSY], "--json"))
    assert [camera["name"] for camera in told] == ["0", "2"]
    assert told[0]["modes"][0] == {"width_px": 640, "height_px": 480, "rate_fps": 30.0, "pixel_format": "YUYV"}
    assert told[1] == {"name": "2", "title": "Capture card", "modes": [], "problem": _BUSY.problem}


def test_without_a_camera_one_line_says_so_and_how_to_go_on(cameras):
    (line,) = cameras([]).splitlines()
    assert all(word in line for word in ("No camera", "USB", "browser", "demo", "video"))


def test_without_a_camera_a_program_reads_an_empty_array(cameras):
    assert json.loads(cameras([], "--json")) == []


def test_the_cameras_of_this_machine_are_listed_whichever_they_are():
    command = [sys.executable, "-m", "live_cam", "cameras"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()
    assert told.stderr == ""
