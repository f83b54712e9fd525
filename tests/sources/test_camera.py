"""No camera is needed: a stand-in for OpenCV's capture behaves as drivers do."""

import logging
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources import camera
from live_cam.sources.camera import CameraOptions, CameraSource

_SIZES_PX = {"YUYV": ((640, 480),), "MJPG": ((640, 480), (1280, 720), (1920, 1080))}
_NAMES = {
    cv2.CAP_PROP_FOURCC: "format",
    cv2.CAP_PROP_FRAME_WIDTH: "width",
    cv2.CAP_PROP_FRAME_HEIGHT: "height",
    cv2.CAP_PROP_FPS: "rate",
}


class Driver:
    """The cameras behind OpenCV.

    Attributes:
        refusing: Backends that don't open.
        failing: What raises `cv2.error`: `open`, `set` or `read`.
        delivers: Whether there are pictures.
        asked: The names and values that were set, in order.
        tried: The devices and backends that were opened, in order.
        captures: The captures made.
    """

    def __init__(self):
        self.refusing = set()
        self.failing = set()
        self.delivers = True
        self.asked = []
        self.tried = []
        self.captures = []

    def capture(self, device, backend):
        self.tried.append((device, backend))
        if "open" in self.failing:
            raise cv2.error("the driver's own\nwords")
        self.captures.append(Capture(self, backend not in self.refusing))
        return self.captures[-1]

    @property
    def all_released(self):
        return all(capture.is_released for capture in self.captures)


class Capture:
    """A capture that gives the size nearest to the one asked for, blue on the left and red on the right."""

    def __init__(self, driver, is_open):
        self._driver = driver
        self._is_open = is_open
        self._format = "YUYV"
        self._asked_px = [640, 480]
        self.is_released = False

    def isOpened(self):  # noqa: N802 (OpenCV's name)
        return self._is_open and not self.is_released

    def set(self, wanted, value):
        if "set" in self._driver.failing:
            raise cv2.error("the driver's own\nwords")
        self._driver.asked.append((_NAMES[wanted], value))
        if wanted == cv2.CAP_PROP_FOURCC:
            self._format = int(value).to_bytes(4, "little").decode()
        elif wanted == cv2.CAP_PROP_FRAME_WIDTH:
            self._asked_px[0] = value
        elif wanted == cv2.CAP_PROP_FRAME_HEIGHT:
            self._asked_px[1] = value
        return True

    def read(self):
        if "read" in self._driver.failing:
            raise cv2.error("the driver's own\nwords")
        if not self.isOpened() or not self._driver.delivers:
            return False, None
        width_px, height_px = min(_SIZES_PX[self._format], key=lambda size_px: abs(size_px[0] - self._asked_px[0]))
        bgr = np.zeros((height_px, width_px, 3), np.uint8)
        bgr[:, : width_px // 2] = (255, 0, 0)
        bgr[:, width_px // 2 :] = (0, 0, 255)
        return True, bgr

    def release(self):
        self.is_released = True


@pytest.fixture
def driver(monkeypatch):
    made = Driver()
    monkeypatch.setattr(cv2, "VideoCapture", made.capture)
    return made


@pytest.fixture
def device(tmp_path):
    """A path that may be opened, as that of a camera."""
    path = tmp_path / "video0"
    path.touch()
    return str(path)


@pytest.fixture
def warnings_told(caplog):
    """What was logged as a warning until now: `warnings_told()`."""
    caplog.set_level(logging.WARNING, logger="live_cam")
    return lambda: [record.getMessage() for record in caplog.records]


def _read_one(source):
    stream = source.open()
    try:
        return stream.read()
    finally:
        stream.close()


def _assert_one_line(error, *fragments):
    assert len(str(error).splitlines()) == 1
    for fragment in fragments:
        assert fragment in str(error)


def test_pictures_come_in_rgb_numbered_from_0_and_read_only(driver, device):
    stream = CameraSource(device).open()
    frames = [stream.read() for _ in range(3)]
    stream.close()
    assert frames[0].rgb[0, 0].tolist() == [0, 0, 255]
    assert frames[0].rgb[0, -1].tolist() == [255, 0, 0]
    assert [frame.seq for frame in frames] == [0, 1, 2]
    assert not frames[0].rgb.flags.writeable
    assert frames[0].source_id == f"Camera {device}"


def test_a_mirror_swaps_left_and_right_and_leaves_the_picture_in_one_piece(driver, device):
    frame = _read_one(CameraSource(device, CameraOptions(mirror=True)))
    assert frame.rgb[0, 0].tolist() == [255, 0, 0]
    assert frame.rgb[0, -1].tolist() == [0, 0, 255]
    assert frame.rgb.flags.c_contiguous


def test_nothing_is_asked_of_a_camera_unless_the_user_does(driver, device):
    assert _read_one(CameraSource(device)).rgb.shape == (480, 640, 3)
    assert driver.asked == []


def test_the_format_is_asked_for_before_the_size_and_the_rate(driver, device):
    wishes = CameraOptions(size_px=(1280, 720), rate_fps=60.0, mjpeg=True)
    assert _read_one(CameraSource(device, wishes)).rgb.shape == (720, 1280, 3)
    assert [name for name, _ in driver.asked] == ["format", "width", "height", "rate"]
    assert dict(driver.asked)["rate"] == 60.0


def test_a_camera_that_gives_another_size_than_asked_says_so_once(driver, device, warnings_told):
    source = CameraSource(device, CameraOptions(size_px=(1280, 720)))
    assert _read_one(source).rgb.shape == (480, 640, 3)
    _read_one(source)
    assert warnings_told() == [f"Camera {device} gives 640x480 in place of 1280x720"]


def test_a_camera_that_gives_what_is_asked_says_nothing(driver, device, warnings_told):
    _read_one(CameraSource(device, CameraOptions(size_px=(640, 480))))
    assert warnings_told() == []


def test_a_camera_is_told_frozen_when_its_pictures_stay_the_same(driver, device):
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
def test_each_backend_of_the_platform_is_tried_in_order_until_all_have_refused(driver, monkeypatch, platform, backends):
    monkeypatch.setattr(sys, "platform", platform)
    driver.refusing = set(backends)
    with pytest.raises(SourceError, match="another program is using it") as refusal:
        CameraSource(0).open()
    _assert_one_line(refusal.value, "Camera 0")
    assert driver.tried == [(0, backend) for backend in backends]
    assert driver.all_released


def test_linux_opens_with_video4linux_alone(driver, device):
    _read_one(CameraSource(device))
    assert driver.tried == [(device, cv2.CAP_V4L2)]


def test_the_second_backend_is_used_where_the_first_refuses(driver, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    driver.refusing = {cv2.CAP_MSMF}
    assert _read_one(CameraSource(1)).source_id == "Camera 1"
    assert driver.tried == [(1, cv2.CAP_MSMF), (1, cv2.CAP_DSHOW)]
    assert driver.all_released


@pytest.mark.parametrize("step", ["open", "set", "read"])
def test_a_driver_that_fails_is_told_in_one_line_and_let_go(driver, device, step):
    driver.failing = {step}
    with pytest.raises(SourceError, match="the driver's own words") as failure:
        _read_one(CameraSource(device, CameraOptions(size_px=(640, 480))))
    _assert_one_line(failure.value, f"Camera {device}")
    assert driver.all_released


def test_a_camera_that_stops_giving_pictures_is_an_error(driver, device):
    stream = CameraSource(device).open()
    stream.read()
    driver.delivers = False
    with pytest.raises(SourceError, match="gives no picture") as failure:
        stream.read()
    stream.close()
    _assert_one_line(failure.value, f"Camera {device}")


def test_a_closed_camera_is_let_go_gives_no_more_and_may_be_closed_again(driver, device):
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
    assert fresh.read().seq == 0
    stuck.close()
    assert fresh.read().seq == 1
    fresh.close()


@pytest.mark.parametrize("device", [97, "/dev/video97", 10**30, "/dev/" + "a" * 300], ids=str)
def test_a_camera_that_is_not_there_is_told_with_what_to_do(device):
    with pytest.raises(SourceError, match="there is no camera") as refusal:
        CameraSource(device).open()
    _assert_one_line(refusal.value, "plug one in", "demo")


def test_a_camera_that_this_user_may_not_open_is_told_with_the_group_to_join(device, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, mode: mode == os.F_OK)  # root, too, who may open everything
    with pytest.raises(SourceError, match="video") as refusal:
        CameraSource(device).open()
    _assert_one_line(refusal.value, "may not open", device)


@pytest.mark.parametrize(("given", "seen"), [(None, "0"), ("1", "1")], ids=["by default", "set by the user"])
def test_opencv_finds_its_environment_set_when_it_is_loaded(given, seen):
    name = "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS"
    program = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, module, *_):\n"
        f"        if module == 'cv2': print(os.environ.get('{name}'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import live_cam.sources.camera\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {} if given is None else {name: given}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert told.stdout.split()[:1] == [seen], told.stderr


def test_cameras_are_found_by_number_and_are_given_the_options(monkeypatch, tmp_path):
    for name in ("video10", "video2", "video0", "video1loop"):
        (tmp_path / name).touch()
    monkeypatch.setattr(camera, "Path", lambda _dev: tmp_path)
    wishes = CameraOptions(mirror=True)
    found = camera.find_cameras(wishes)
    assert [source.name for source in found] == ["Camera 0", "Camera 2", "Camera 10"]
    assert all(source._options is wishes for source in found)


def test_a_platform_that_keeps_no_list_has_its_first_indices_tried(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert [source.device for source in camera.find_cameras()] == [0, 1, 2]
