import threading
import time

import cv2
import pytest

from live_cam.errors import SourceError
from live_cam.sources import listing
from live_cam.sources.camera import CameraSource
from live_cam.sources.listing import CameraListing, Mode, probe_cameras


class Webcam:
    """A capture as a webcam's driver offers it: small pictures raw, large ones as JPEGs.

    Attributes:
        fourcc: The format; `rate_fps`: what it tells as its rate.
        is_released: Whether it was let go.
    """

    def __init__(self, fourcc="YUYV", rate_fps=30.0, largest_px=(1920, 1080)):
        self.fourcc = fourcc
        self.rate_fps = rate_fps
        self.is_released = False
        self._largest_px = largest_px
        self._asked_px = {}

    def set(self, wanted, value):
        if wanted == cv2.CAP_PROP_FOURCC:
            self.fourcc = "MJPG"
        self._asked_px[wanted] = value
        return True

    def get(self, wanted):
        largest_px = self._largest_px if self.fourcc == "MJPG" else (640, 480)
        if wanted == cv2.CAP_PROP_FRAME_WIDTH:
            return float(min(self._asked_px[wanted], largest_px[0]))
        if wanted == cv2.CAP_PROP_FRAME_HEIGHT:
            return float(min(self._asked_px[wanted], largest_px[1]))
        if wanted == cv2.CAP_PROP_FPS:
            return self.rate_fps
        return float(cv2.VideoWriter.fourcc(*self.fourcc)) if self.fourcc else -1.0

    def release(self):
        self.is_released = True


@pytest.fixture
def plug_in(monkeypatch, tmp_path):
    """Makes cameras 0, 1, ... of what opening each gives or raises; no system tells their titles."""

    def plug(*openers):
        monkeypatch.setattr(listing, "find_cameras", lambda: [CameraSource(index) for index in range(len(openers))])
        monkeypatch.setattr(listing, "open_capture", lambda device: openers[device]())
        monkeypatch.setattr(listing, "_TITLES", tmp_path)
        return tmp_path

    return plug


def test_each_size_a_camera_gives_is_named_once_with_its_rate_and_format(plug_in):
    made = []

    def opened():
        made.append(Webcam())
        return made[-1]

    plug_in(opened)
    (told,) = probe_cameras()
    assert told.modes == (
        Mode(640, 480, 30.0, "YUYV"),
        Mode(640, 480, 30.0, "MJPEG"),
        Mode(1280, 720, 30.0, "MJPEG"),
        Mode(1920, 1080, 30.0, "MJPEG"),
    )
    assert (told.name, told.title, told.problem) == ("0", "", "")
    assert all(webcam.is_released for webcam in made)


def test_a_camera_has_the_title_that_linux_gives_it(plug_in):
    titles = plug_in(Webcam, Webcam)
    (titles / "video1").mkdir()
    (titles / "video1" / "name").write_bytes(b"HD Webcam: \xff\n")
    assert [told.title for told in probe_cameras()] == ["", "HD Webcam: \ufffd"]


@pytest.mark.parametrize("rate_fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_driver_that_tells_neither_rate_nor_format_has_none_made_up(plug_in, rate_fps):
    plug_in(lambda: Webcam(fourcc="", rate_fps=rate_fps))
    (told,) = probe_cameras()
    assert told.modes[0] == Mode(640, 480, 0.0, "")


def test_a_camera_that_does_not_open_is_listed_with_the_reason_between_those_that_do(plug_in):
    def refuse():
        raise SourceError("another program is using it")

    plug_in(Webcam, refuse, Webcam)
    told = probe_cameras()
    assert told[1] == CameraListing("1", "", (), "another program is using it")
    assert [bool(camera.modes) for camera in told] == [True, False, True]


def test_a_driver_that_fails_in_its_own_way_is_told_in_one_line(plug_in):
    def fail():
        raise cv2.error("the driver's own\nwords")

    plug_in(fail)
    assert probe_cameras()[0].problem == "Camera 0 failed: the driver's own words"


def test_a_driver_that_blocks_holds_up_no_other_camera(plug_in, monkeypatch):
    monkeypatch.setattr(listing, "_LIMIT_S", 2.0)
    ended = threading.Event()
    late = Webcam()

    def block():
        ended.wait(60)
        return late

    plug_in(block, Webcam)
    began_s = time.monotonic()
    blocked, fine = probe_cameras()
    assert time.monotonic() - began_s < 10
    assert "Camera 0 gave no picture within" in blocked.problem
    assert fine.modes
    ended.set()
    for thread in threading.enumerate():
        if thread.name == "probe Camera 0":
            thread.join(10)
    assert late.is_released
