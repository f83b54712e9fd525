from typing import Any

import numpy as np
import pytest

from live_cam.errors import SourceError, UsageError
from live_cam.sources import factory
from live_cam.sources.camera import CameraOptions
from live_cam.sources.demo import demo_frame
from live_cam.sources.factory import create_source, validate_camera_options
from tests.sources.helpers import assert_one_line, everything_logged_of, read_frame

_SECRET = "hunter2"


@pytest.fixture
def cameras(monkeypatch):
    """The list of this machine's cameras, empty at first."""
    cameras: list[Any] = []
    monkeypatch.setattr(factory, "find_cameras", lambda _options: cameras)
    return cameras


@pytest.fixture
def blocked_source(monkeypatch, fake_source):
    """A source whose `read` blocks, and whose first frame is waited for only briefly."""
    monkeypatch.setattr(factory, "_FIRST_FRAME_LIMIT_S", 0.2)
    source = fake_source(name="Blocked")
    source.block()
    return source


def test_auto_without_a_camera_is_the_demo_whose_name_says_why(cameras):
    source = create_source("auto")
    assert source.kind == "demo"
    assert "no camera" in source.name


def test_auto_is_the_first_camera_that_delivers_a_frame(cameras, fake_source):
    first, second = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    cameras += [first, second]
    assert create_source("auto") is first
    assert not cameras[0].is_open
    assert second.opened_at_s == []


def test_auto_delivers_frames_on_this_machine():
    assert read_frame(create_source("auto")).rgb.ndim == 3


def test_demo_is_the_demo():
    source = create_source("demo")
    assert source.kind == "demo"
    assert "no camera" not in source.name
    assert np.array_equal(read_frame(source).rgb, demo_frame(0.0))


def test_a_file_is_created_from_its_path(gradio_media):
    source = create_source(str(gradio_media / "videos" / "world.mp4"))
    assert source.kind == "file"
    assert source.name == "world.mp4"
    assert read_frame(source).rgb.ndim == 3


def test_a_folder_is_created_from_its_path(gradio_media):
    source = create_source(str(gradio_media / "images"))
    assert source.kind == "folder"
    assert source.name == "images"
    assert read_frame(source).rgb.ndim == 3


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="contains no readable image"):
        create_source(str(tmp_path))


@pytest.mark.parametrize(("spec", "name"), [("97", "Camera 97"), ("/dev/video97", "Camera /dev/video97")])
def test_a_missing_camera_is_an_error_only_when_it_is_opened(spec, name):
    source = create_source(spec)
    assert (source.kind, source.name) == ("camera", name)
    with pytest.raises(SourceError) as failure:
        source.open()
    assert_one_line(failure.value, "97", "demo")


def test_a_device_that_is_no_camera_is_an_error_when_it_is_opened():
    source = create_source("/dev/null")
    with pytest.raises(SourceError, match="/dev/null"):
        source.open()


@pytest.mark.parametrize("spec", ["3", "/dev/video3", "auto"])
def test_a_camera_gets_the_options(spec, monkeypatch, fake_source):
    created = []

    def camera(device, options):
        created.append((device, options))
        return fake_source()

    monkeypatch.setattr(factory, "CameraSource", camera)
    monkeypatch.setattr(factory, "find_cameras", lambda options: [camera("first", options)])
    options = CameraOptions(size_px=(1280, 720), mirror=True)
    create_source(spec, options)
    assert created == [({"3": 3, "auto": "first"}.get(spec, spec), options)]


@pytest.mark.parametrize(
    ("specs", "options", "unsupported"),
    [
        (["clip.mp4"], CameraOptions(mirror=True), "--mirror"),
        (["demo"], CameraOptions((1280, 720), 30.0), "--size and --rate"),
        ([f"rtsp://admin:{_SECRET}@cam/", "http://cam/"], CameraOptions(mjpeg=True), "--mjpeg"),
        (["browser"], CameraOptions((1280, 720), mjpeg=True), "--mjpeg"),
        (["rtsp://cam/"], CameraOptions(rate_fps=1.0), "--rate"),
    ],
)
def test_options_that_no_source_supports_are_a_usage_error(specs, options, unsupported):
    with pytest.raises(UsageError, match=f"support {unsupported}, and none is given") as failure:
        validate_camera_options(specs, options)
    assert_one_line(failure.value)
    assert _SECRET not in str(failure.value)


@pytest.mark.parametrize("specs", [["auto"], ["0"], ["/dev/video3"], ["demo", "0"]])
def test_local_cameras_support_all_options(specs):
    validate_camera_options(specs, CameraOptions((1280, 720), 30.0, mjpeg=True, mirror=True))


def test_browsers_support_all_options_but_the_format():
    validate_camera_options(["browser"], CameraOptions((1280, 720), 30.0, mirror=True))


@pytest.mark.parametrize("url", ["http://cam/snapshot.jpg", "HTTPS://cam/snapshot.jpg"])
def test_http_cameras_support_the_rate(url):
    validate_camera_options([url], CameraOptions(rate_fps=1.0))


def test_redirects_of_sources_that_have_none_are_a_usage_error():
    with pytest.raises(UsageError, match="omit --follow-redirects") as failure:
        validate_camera_options(["0", "clip.mp4"], CameraOptions(follow_redirects=True))
    assert_one_line(failure.value)
    validate_camera_options(["demo", "http://cam/"], CameraOptions(follow_redirects=True))


def test_default_options_are_valid_for_all_sources():
    validate_camera_options(["clip.mp4", "demo"], CameraOptions())


@pytest.mark.parametrize("spec", ["no-such-file.mp4", "no/such/folder.mp4", "camera", ""])
def test_the_error_for_an_unknown_name_says_what_to_give(spec):
    with pytest.raises(SourceError, match="give a video file") as failure:
        create_source(spec)
    assert_one_line(failure.value, spec)


def test_a_file_without_video_is_an_error(gradio_media):
    with pytest.raises(SourceError, match=r"sax\.wav has no video stream"):
        create_source(str(gradio_media / "audio" / "sax.wav"))


@pytest.mark.parametrize(
    "url",
    [
        f"rtsp://admin:{_SECRET}@192.0.2.1/stream",
        f"http://admin:{_SECRET}@camera.example/video.mjpg",
        f"https://camera.example/live?token={_SECRET}",
        f"RTSP://{_SECRET}@192.0.2.1:554",
    ],
)
def test_a_network_camera_is_not_tried_and_its_name_contains_no_secret(url):
    source = create_source(url)
    assert source.kind == "network"
    assert _SECRET not in source.name


@pytest.mark.parametrize(
    ("url", "quoted"),
    [
        (f"gopher://admin:{_SECRET}@192.0.2.1/stream", "gopher://"),
        (f"file:///{_SECRET}", "file://"),
        (f"admin:{_SECRET}@rtsp://192.0.2.1", "of this kind"),
        (f"://{_SECRET}", "of this kind"),
    ],
)
def test_the_error_for_an_unsupported_scheme_quotes_nothing_but_the_scheme(url, quoted):
    with pytest.raises(UsageError) as failure:
        create_source(url)
    assert_one_line(failure.value, quoted, "rtsp")
    assert _SECRET not in everything_logged_of(failure.value)


def test_auto_skips_a_camera_that_blocks(cameras, blocked_source):
    cameras.append(blocked_source)
    assert create_source("auto").kind == "demo"


def test_a_file_that_blocks_is_an_error(monkeypatch, blocked_source, tmp_path):
    monkeypatch.setattr(factory, "FileSource", lambda _path: blocked_source)
    (tmp_path / "film.mp4").touch()
    with pytest.raises(SourceError, match="Blocked delivered no frame within"):
        create_source(str(tmp_path / "film.mp4"))


def test_a_camera_that_blocks_is_closed_once_it_returns(cameras, blocked_source, eventually):
    cameras.append(blocked_source)
    create_source("auto")
    eventually(lambda: blocked_source.is_blocked)
    blocked_source.release()
    eventually(lambda: not blocked_source.is_open)


@pytest.mark.parametrize("error", [SourceError("busy"), ValueError("a driver's own error")])
def test_auto_skips_cameras_that_fail(cameras, fake_source, error):
    failing, working = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    failing.open_errors = [error]
    cameras += [failing, working]
    assert create_source("auto") is working
    assert not cameras[1].is_open


def test_the_error_for_a_name_that_is_too_long_says_so():
    with pytest.raises(SourceError, match=r"cannot be accessed \(File name too long\)"):
        create_source("a" * 300)
