import threading

import cv2
import pytest

from live_cam.errors import SourceError
from live_cam.sources import camera_list
from live_cam.sources.camera import CameraSource
from live_cam.sources.camera_list import CameraInfo, CameraMode, list_cameras


class Webcam:
    """A capture as a webcam's driver offers it: small frames raw, large ones as JPEG.

    Attributes:
        fourcc: The format; `rate_fps`: what it reports as its rate.
        is_released: Whether it was released.
    """

    def __init__(self, fourcc="YUYV", rate_fps=30.0, max_px=(1920, 1080)):
        self.fourcc = fourcc
        self.rate_fps = rate_fps
        self.is_released = False
        self._max_px = max_px
        self._requested = {}

    def set(self, name, value):
        if name == cv2.CAP_PROP_FOURCC:
            self.fourcc = "MJPG"
        self._requested[name] = value
        return True

    def get(self, name):
        max_px = self._max_px if self.fourcc == "MJPG" else (640, 480)
        if name == cv2.CAP_PROP_FRAME_WIDTH:
            return float(min(self._requested[name], max_px[0]))
        if name == cv2.CAP_PROP_FRAME_HEIGHT:
            return float(min(self._requested[name], max_px[1]))
        if name == cv2.CAP_PROP_FPS:
            return self.rate_fps
        return float(cv2.VideoWriter.fourcc(*self.fourcc)) if self.fourcc else -1.0

    def release(self):
        self.is_released = True


@pytest.fixture
def plug_in(monkeypatch, tmp_path):
    """Provides cameras 0, 1, ...: `plug_in(*open_functions)` returns the directory of their titles."""

    def plug(*openers):
        monkeypatch.setattr(camera_list, "find_cameras", lambda: [CameraSource(index) for index in range(len(openers))])
        monkeypatch.setattr(camera_list, "open_capture", lambda device: openers[device]())
        monkeypatch.setattr(camera_list, "_SYSFS", tmp_path)
        return tmp_path

    return plug


def test_each_mode_of_a_camera_is_listed_once(plug_in):
    captures = []

    def open_webcam():
        captures.append(Webcam())
        return captures[-1]

    plug_in(open_webcam)
    (info,) = list_cameras()
    assert info.modes == (
        CameraMode(640, 480, 30.0, "YUYV"),
        CameraMode(640, 480, 30.0, "MJPEG"),
        CameraMode(1280, 720, 30.0, "MJPEG"),
        CameraMode(1920, 1080, 30.0, "MJPEG"),
    )
    assert (info.name, info.title, info.problem) == ("0", "", "")
    assert all(webcam.is_released for webcam in captures)


def test_the_title_comes_from_sysfs(plug_in):
    sysfs = plug_in(Webcam, Webcam)
    (sysfs / "video1").mkdir()
    (sysfs / "video1" / "name").write_bytes(b"HD Webcam: \xff\n")
    assert [info.title for info in list_cameras()] == ["", "HD Webcam: \ufffd"]


@pytest.mark.parametrize("rate_fps", [0.0, -1.0, float("nan"), float("inf")])
def test_an_unknown_rate_and_format_stay_unknown(plug_in, rate_fps):
    plug_in(lambda: Webcam(fourcc="", rate_fps=rate_fps))
    (info,) = list_cameras()
    assert info.modes[0] == CameraMode(640, 480, 0.0, "")


def test_a_camera_that_does_not_open_is_listed_with_the_reason_between_those_that_do(plug_in):
    def refuse():
        raise SourceError("another program is using it")

    plug_in(Webcam, refuse, Webcam)
    infos = list_cameras()
    assert infos[1] == CameraInfo("1", "", (), "another program is using it")
    assert [bool(info.modes) for info in infos] == [True, False, True]


def test_a_driver_error_becomes_one_line(plug_in):
    def fail():
        raise cv2.error("an error in\ntwo lines")

    plug_in(fail)
    assert list_cameras()[0].problem == "Camera 0 failed: an error in two lines"


def test_a_driver_that_blocks_does_not_delay_the_other_cameras(plug_in, monkeypatch):
    monkeypatch.setattr(camera_list, "_LIMIT_S", 1.0)
    may_return = threading.Event()
    late = Webcam()

    def block():
        may_return.wait(60)
        return late

    plug_in(block, Webcam)
    blocked, working = list_cameras()
    assert "Camera 0 delivered no frame within" in blocked.problem
    assert working.modes
    may_return.set()
    for thread in threading.enumerate():
        if thread.name == "probe Camera 0":
            thread.join(10)
    assert late.is_released
