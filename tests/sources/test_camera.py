"""Cameras, with a fake of OpenCV's capture that behaves as drivers do: no camera is needed."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources import camera
from live_cam.sources.camera import CameraOptions, CameraSource
from tests.sources.helpers import assert_one_line, read_frame

_SIZES_PX = {"YUYV": ((640, 480),), "MJPG": ((640, 480), (1280, 720), (1920, 1080))}
_PROPERTIES = {
    cv2.CAP_PROP_FOURCC: "format",
    cv2.CAP_PROP_FRAME_WIDTH: "width",
    cv2.CAP_PROP_FRAME_HEIGHT: "height",
    cv2.CAP_PROP_FPS: "rate",
}
_DRIVER_ERROR = "an error in\ntwo lines"


class Driver:
    """The cameras behind OpenCV.

    Attributes:
        refusing: Backends that don't open.
        failing: What raises `cv2.error`: `open`, `set` or `read`.
        delivers: Whether frames are available.
        properties: The names and values that were set, in order.
        attempts: The devices and backends that were opened, in order.
        captures: The captures created.
    """

    def __init__(self):
        self.refusing = set()
        self.failing = set()
        self.delivers = True
        self.properties = []
        self.attempts = []
        self.captures = []

    def capture(self, device, backend):
        self.attempts.append((device, backend))
        if "open" in self.failing:
            raise cv2.error(_DRIVER_ERROR)
        self.captures.append(Capture(self, backend not in self.refusing))
        return self.captures[-1]

    @property
    def all_released(self):
        return all(capture.is_released for capture in self.captures)


class Capture:
    """A capture of the size nearest to the requested one, blue on the left and red on the right."""

    def __init__(self, driver, is_open):
        self._driver = driver
        self._is_open = is_open
        self._format = "YUYV"
        self._requested_px = [640, 480]
        self.is_released = False

    def isOpened(self):  # noqa: N802
        return self._is_open and not self.is_released

    def set(self, name, value):
        if "set" in self._driver.failing:
            raise cv2.error(_DRIVER_ERROR)
        self._driver.properties.append((_PROPERTIES[name], value))
        if name == cv2.CAP_PROP_FOURCC:
            self._format = int(value).to_bytes(4, "little").decode()
        elif name == cv2.CAP_PROP_FRAME_WIDTH:
            self._requested_px[0] = value
        elif name == cv2.CAP_PROP_FRAME_HEIGHT:
            self._requested_px[1] = value
        return True

    def read(self):
        if "read" in self._driver.failing:
            raise cv2.error(_DRIVER_ERROR)
        if not self.isOpened() or not self._driver.delivers:
            return False, None
        width_px, height_px = min(_SIZES_PX[self._format], key=lambda size_px: abs(size_px[0] - self._requested_px[0]))
        bgr = np.zeros((height_px, width_px, 3), np.uint8)
        bgr[:, : width_px // 2] = (255, 0, 0)
        bgr[:, width_px // 2 :] = (0, 0, 255)
        return True, bgr

    def release(self):
        self.is_released = True


@pytest.fixture
def driver(monkeypatch):
    driver = Driver()
    monkeypatch.setattr(cv2, "VideoCapture", driver.capture)
    return driver


@pytest.fixture
def device(tmp_path):
    """A path that can be opened, like a camera's."""
    path = tmp_path / "video0"
    path.touch()
    return str(path)


def test_frames_are_rgb_and_read_only(driver, device):
    stream = CameraSource(device).open()
    frames = [stream.read() for _ in range(3)]
    stream.close()
    assert frames[0].rgb[0, 0].tolist() == [0, 0, 255]
    assert frames[0].rgb[0, -1].tolist() == [255, 0, 0]
    assert not frames[0].rgb.flags.writeable
    assert [frame.pts_ns for frame in frames] == sorted(frame.pts_ns for frame in frames)


def test_mirror_flips_horizontally_and_keeps_frames_contiguous(driver, device):
    frame = read_frame(CameraSource(device, CameraOptions(mirror=True)))
    assert frame.rgb[0, 0].tolist() == [255, 0, 0]
    assert frame.rgb[0, -1].tolist() == [0, 0, 255]
    assert frame.rgb.flags.c_contiguous


def test_nothing_is_requested_of_a_camera_by_default(driver, device):
    assert read_frame(CameraSource(device)).rgb.shape == (480, 640, 3)
    assert driver.properties == []


def test_the_format_is_requested_before_size_and_rate(driver, device):
    options = CameraOptions(size_px=(1280, 720), rate_fps=60.0, mjpeg=True)
    assert read_frame(CameraSource(device, options)).rgb.shape == (720, 1280, 3)
    assert [name for name, _ in driver.properties] == ["format", "width", "height", "rate"]
    assert dict(driver.properties)["rate"] == 60.0


def test_another_size_than_requested_is_logged_once(driver, device, logged_warnings):
    source = CameraSource(device, CameraOptions(size_px=(1280, 720)))
    assert read_frame(source).rgb.shape == (480, 640, 3)
    read_frame(source)
    assert logged_warnings() == [f"Camera {device} delivers 640x480 instead of 1280x720"]


def test_the_requested_size_is_not_logged(driver, device, logged_warnings):
    read_frame(CameraSource(device, CameraOptions(size_px=(640, 480))))
    assert logged_warnings() == []


def test_identical_frames_of_a_camera_count_as_frozen_after_a_while(driver, device):
    stream = CameraSource(device).open()
    stream.close()
    assert stream.frozen_after_s == 1.5


@pytest.mark.parametrize(
    ("platform", "backends"),
    [
        ("darwin", [cv2.CAP_AVFOUNDATION]),
        ("win32", [cv2.CAP_MSMF, cv2.CAP_DSHOW]),
        ("freebsd14", [cv2.CAP_ANY]),
    ],
)
def test_all_backends_of_the_platform_are_tried_in_order(driver, monkeypatch, platform, backends):
    monkeypatch.setattr(sys, "platform", platform)
    driver.refusing = set(backends)
    with pytest.raises(SourceError, match="another program is using it") as failure:
        CameraSource(0).open()
    assert_one_line(failure.value, "Camera 0")
    assert driver.attempts == [(0, backend) for backend in backends]
    assert driver.all_released


def test_linux_uses_only_video4linux(driver, device):
    read_frame(CameraSource(device))
    assert driver.attempts == [(device, cv2.CAP_V4L2)]


def test_the_second_backend_is_used_where_the_first_refuses(driver, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    driver.refusing = {cv2.CAP_MSMF}
    assert read_frame(CameraSource(1)).rgb.shape == (480, 640, 3)
    assert driver.attempts == [(1, cv2.CAP_MSMF), (1, cv2.CAP_DSHOW)]
    assert driver.all_released


@pytest.mark.parametrize("step", ["open", "set", "read"])
def test_a_driver_error_becomes_one_line_and_the_camera_is_released(driver, device, step):
    driver.failing = {step}
    with pytest.raises(SourceError, match="an error in two lines") as failure:
        read_frame(CameraSource(device, CameraOptions(size_px=(640, 480))))
    assert_one_line(failure.value, f"Camera {device}")
    assert driver.all_released


def test_a_camera_that_stops_delivering_frames_is_an_error(driver, device):
    stream = CameraSource(device).open()
    stream.read()
    driver.delivers = False
    with pytest.raises(SourceError, match="delivers no frames") as failure:
        stream.read()
    stream.close()
    assert_one_line(failure.value, f"Camera {device}")


def test_a_closed_camera_is_released_delivers_nothing_and_may_be_closed_again(driver, device):
    stream = CameraSource(device).open()
    assert not driver.all_released
    stream.close()
    stream.close()
    assert driver.all_released
    with pytest.raises(SourceError):
        stream.read()


def test_a_camera_can_be_opened_again_while_an_earlier_stream_is_open(driver, device):
    source = CameraSource(device)
    stuck, fresh = source.open(), source.open()
    fresh.read()
    stuck.close()
    fresh.read()
    fresh.close()
    assert driver.all_released


@pytest.mark.parametrize("device", [97, "/dev/video97", 10**30, "/dev/" + "a" * 300], ids=str)
def test_the_error_for_a_missing_camera_says_what_to_do(device):
    with pytest.raises(SourceError, match="there is no camera") as failure:
        CameraSource(device).open()
    assert_one_line(failure.value, "plug one in", "demo")


def test_the_error_for_missing_permission_names_the_group(device, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, mode: mode == os.F_OK)  # root may open everything
    with pytest.raises(SourceError, match="video") as failure:
        CameraSource(device).open()
    assert_one_line(failure.value, "may not open", device)


@pytest.mark.parametrize(("value", "expected"), [(None, "0"), ("1", "1")], ids=["by default", "set by the user"])
def test_the_environment_of_opencv_is_set_before_it_is_imported(value, expected):
    name = "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS"
    program = (
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, module, *_):\n"
        f"        if module == 'cv2': sys.exit(os.environ.get('{name}'))\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import live_cam.sources.camera\n"
    )
    environment = {key: value_ for key, value_ in os.environ.items() if key != name}
    environment |= {} if value is None else {name: value}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (1, f"{expected}\n")


def test_cameras_are_listed_by_number_with_the_given_options(monkeypatch, tmp_path):
    for name in ("video10", "video2", "video0", "video1loop"):
        (tmp_path / name).touch()
    monkeypatch.setattr(camera, "Path", lambda _dev: tmp_path)
    options = CameraOptions(mirror=True)
    cameras = camera.find_cameras(options)
    assert [source.name for source in cameras] == ["Camera 0", "Camera 2", "Camera 10"]
    assert all(source._options is options for source in cameras)


def test_the_first_indices_are_tried_on_platforms_without_a_list(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert [source.device for source in camera.find_cameras()] == [0, 1, 2]
