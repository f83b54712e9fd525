import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources import opening
from live_cam.sources.demo import demo_picture
from live_cam.sources.opening import find_source

_SECRET = "hunter2"


def _read_one(source):
    source.open()
    try:
        return source.read()
    finally:
        source.close()


def _all_that_is_said(error):
    """Gives the texts of an error and of those it came from, which a log would show."""
    said = []
    while error is not None:
        said += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def test_auto_without_a_camera_is_the_demo_and_says_why(monkeypatch):
    monkeypatch.setattr(opening, "first_camera", lambda: None)
    source = find_source("auto")
    assert source.kind == "demo"
    assert "no camera" in source.name
    assert "no camera" in _read_one(source).source_id


def test_auto_takes_the_first_camera_that_delivers(monkeypatch, fake_source):
    camera = fake_source(name="Camera 0")
    monkeypatch.setattr(opening, "first_camera", lambda: camera)
    assert find_source("auto") is camera


def test_auto_gives_a_source_that_delivers_whatever_this_machine_has():
    assert _read_one(find_source("auto")).rgb.ndim == 3


def test_demo_is_the_demo_ready_to_begin_at_its_first_picture():
    source = find_source("demo")
    assert source.kind == "demo"
    assert "no camera" not in source.name
    assert np.array_equal(_read_one(source).rgb, demo_picture(0.0))


def test_a_file_is_found_by_its_path_and_given_back_closed(gradio_media):
    source = find_source(str(gradio_media / "videos" / "world.mp4"))
    assert source.kind == "file"
    assert source.name == "world.mp4"
    assert _read_one(source).rgb.ndim == 3


@pytest.mark.parametrize("word", ["97", "/dev/video97"])
def test_a_camera_that_is_not_there_is_an_error_that_names_it_and_what_to_do(word):
    with pytest.raises(SourceError, match="97") as refusal:
        find_source(word)
    assert len(str(refusal.value).splitlines()) == 1
    assert "demo" in str(refusal.value)


def test_a_device_that_is_no_camera_is_an_error():
    with pytest.raises(SourceError, match="/dev/null"):
        find_source("/dev/null")


@pytest.mark.parametrize("word", ["no-such-file.mp4", "no/such/folder.mp4", "camera", ""])
def test_a_word_that_means_nothing_is_told_with_what_could_be_given(word):
    with pytest.raises(SourceError, match="give a video file") as refusal:
        find_source(word)
    assert word in str(refusal.value)


def test_a_file_that_opens_but_gives_no_picture_is_told_before_anything_is_started(gradio_media):
    with pytest.raises(SourceError, match=r"sax\.wav has no video stream"):
        find_source(str(gradio_media / "audio" / "sax.wav"))


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://admin:{_SECRET}@192.0.2.1/stream",
        f"http://admin:{_SECRET}@camera.example/video.mjpg",
        f"https://camera.example/live?token={_SECRET}",
        f"RTSP://{_SECRET}@192.0.2.1:554",
    ],
)
def test_what_opens_a_network_camera_is_never_said_aloud(address):
    with pytest.raises(SourceError) as refusal:
        find_source(address)
    assert address.split(":", maxsplit=1)[0] in str(refusal.value)
    assert _SECRET not in _all_that_is_said(refusal.value)


def test_a_camera_that_blocks_keeps_nobody_waiting(monkeypatch, fake_source):
    monkeypatch.setattr(opening, "_FIRST_FRAME_LIMIT_S", 0.2)
    blocked = fake_source(name="Camera 0")
    blocked.block()
    monkeypatch.setattr(opening, "find_cameras", lambda: [blocked])
    assert find_source("auto").kind == "demo"
    monkeypatch.setattr(opening, "CameraSource", lambda _device: blocked)
    with pytest.raises(SourceError, match="Camera 0 gave no picture within"):
        find_source("0")


def test_a_camera_that_works_is_found_behind_those_that_do_not(monkeypatch, fake_source):
    broken, fine = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    broken.open_errors = [SourceError("busy")]
    monkeypatch.setattr(opening, "find_cameras", lambda: [broken, fine])
    assert find_source("auto") is fine
    assert not fine.is_open


def test_a_name_too_long_for_a_file_is_told_in_one_line():
    with pytest.raises(SourceError, match=r"can't be looked at \(File name too long\)"):
        find_source("a" * 300)


def test_a_camera_whose_driver_fails_in_its_own_way_is_passed_over(monkeypatch, fake_source):
    broken, fine = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    broken.open_errors = [ValueError("a driver's own words")]
    monkeypatch.setattr(opening, "find_cameras", lambda: [broken, fine])
    assert find_source("auto") is fine
