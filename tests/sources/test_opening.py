import numpy as np
import pytest

from live_cam.errors import SourceError, UsageError
from live_cam.sources import opening
from live_cam.sources.camera import CameraOptions
from live_cam.sources.demo import demo_picture
from live_cam.sources.opening import find_source, require_heeded

_SECRET = "hunter2"


def _read_one(source):
    stream = source.open()
    try:
        return stream.read()
    finally:
        stream.close()


def _all_that_is_said(error):
    """Gives the texts of an error and of those it came from, which a log would show."""
    said = []
    while error is not None:
        said += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def test_auto_without_a_camera_is_the_demo_and_says_why(monkeypatch):
    monkeypatch.setattr(opening, "first_camera", lambda _options: None)
    source = find_source("auto")
    assert source.kind == "demo"
    assert "no camera" in source.name
    assert "no camera" in _read_one(source).source_id


def test_auto_takes_the_first_camera_that_delivers(monkeypatch, fake_source):
    camera = fake_source(name="Camera 0")
    monkeypatch.setattr(opening, "first_camera", lambda _options: camera)
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


def test_a_folder_is_found_by_its_path_and_given_back_closed(gradio_media):
    source = find_source(str(gradio_media / "images"))
    assert source.kind == "folder"
    assert source.name == "images"
    assert _read_one(source).rgb.ndim == 3


def test_a_folder_without_a_picture_is_told_before_anything_is_started(tmp_path):
    with pytest.raises(SourceError, match="holds no picture"):
        find_source(str(tmp_path))


@pytest.mark.parametrize(("word", "name"), [("97", "Camera 97"), ("/dev/video97", "Camera /dev/video97")])
def test_a_camera_that_is_not_there_is_given_all_the_same_since_it_may_come_later(word, name):
    source = find_source(word)
    assert (source.kind, source.name) == ("camera", name)
    with pytest.raises(SourceError, match="97") as refusal:
        source.open()
    assert len(str(refusal.value).splitlines()) == 1
    assert "demo" in str(refusal.value)


def test_a_device_that_is_no_camera_is_an_error_when_it_is_opened():
    source = find_source("/dev/null")
    with pytest.raises(SourceError, match="/dev/null"):
        source.open()


@pytest.mark.parametrize("word", ["3", "/dev/video3", "auto"])
def test_what_a_camera_is_asked_for_reaches_it(word, monkeypatch, fake_source):
    made = []

    def camera(device, options):
        made.append((device, options))
        return fake_source()

    monkeypatch.setattr(opening, "CameraSource", camera)
    monkeypatch.setattr(opening, "find_cameras", lambda options: [camera("first", options)])
    wishes = CameraOptions(size_px=(1280, 720), mirror=True)
    find_source(word, wishes)
    assert made == [({"3": 3, "auto": "first"}.get(word, word), wishes)]


@pytest.mark.parametrize(
    ("words", "options", "unheeded"),
    [
        (["clip.mp4"], CameraOptions(mirror=True), "--mirror"),
        (["demo"], CameraOptions((1280, 720), 30.0), "--size and --rate"),
        ([f"rtsp://admin:{_SECRET}@cam/", "http://cam/"], CameraOptions(mjpeg=True), "--mjpeg"),
        (["browser"], CameraOptions((1280, 720), mjpeg=True), "--mjpeg"),
    ],
)
def test_a_wish_that_no_source_heeds_is_wrong_usage(words, options, unheeded):
    with pytest.raises(UsageError, match=f"heed {unheeded}, and none is given") as refusal:
        require_heeded(words, options)
    assert _SECRET not in str(refusal.value)


@pytest.mark.parametrize("words", [["auto"], ["0"], ["/dev/video3"], ["demo", "0"]])
def test_cameras_of_this_machine_heed_every_wish(words):
    require_heeded(words, CameraOptions((1280, 720), 30.0, mjpeg=True, mirror=True))


def test_browsers_heed_all_but_the_format_and_who_wishes_nothing_may_show_anything():
    require_heeded(["browser"], CameraOptions((1280, 720), 30.0, mirror=True))
    require_heeded(["clip.mp4", "demo"], CameraOptions())


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
def test_a_network_camera_is_given_unproven_and_its_name_holds_nothing_that_opens_it(address):
    source = find_source(address)
    assert source.kind == "network"
    assert _SECRET not in source.name


@pytest.mark.parametrize(
    ("address", "named"),
    [
        (f"gopher://admin:{_SECRET}@192.0.2.1/stream", "gopher://"),
        (f"file:///{_SECRET}", "file://"),
        (f"admin:{_SECRET}@rtsp://192.0.2.1", "of this kind"),
        (f"://{_SECRET}", "of this kind"),
    ],
)
def test_an_address_of_another_kind_is_wrong_usage_and_what_follows_its_kind_is_not_said_aloud(address, named):
    with pytest.raises(UsageError) as refusal:
        find_source(address)
    assert named in str(refusal.value)
    assert "rtsp" in str(refusal.value)
    assert _SECRET not in _all_that_is_said(refusal.value)


def test_a_camera_that_blocks_keeps_nobody_waiting(monkeypatch, fake_source):
    monkeypatch.setattr(opening, "_FIRST_FRAME_LIMIT_S", 0.2)
    blocked = fake_source(name="Camera 0")
    blocked.block()
    monkeypatch.setattr(opening, "find_cameras", lambda _options: [blocked])
    assert find_source("auto").kind == "demo"


def test_a_file_that_blocks_keeps_nobody_waiting(monkeypatch, fake_source):
    monkeypatch.setattr(opening, "_FIRST_FRAME_LIMIT_S", 0.2)
    blocked = fake_source(name="film.mp4")
    blocked.block()
    monkeypatch.setattr(opening, "FileSource", lambda _path: blocked)
    with pytest.raises(SourceError, match=r"film\.mp4 gave no picture within"):
        find_source("film.mp4")


def test_a_camera_whose_pictures_stay_away_is_closed_when_it_answers_after_all(monkeypatch, fake_source, eventually):
    monkeypatch.setattr(opening, "_FIRST_FRAME_LIMIT_S", 0.2)
    blocked = fake_source(name="Camera 0")
    blocked.block()
    monkeypatch.setattr(opening, "find_cameras", lambda _options: [blocked])
    find_source("auto")
    eventually(lambda: blocked.is_blocked)
    blocked.release()
    eventually(lambda: not blocked.is_open)


def test_a_camera_that_works_is_found_behind_those_that_do_not(monkeypatch, fake_source):
    broken, fine = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    broken.open_errors = [SourceError("busy")]
    monkeypatch.setattr(opening, "find_cameras", lambda _options: [broken, fine])
    assert find_source("auto") is fine
    assert not fine.is_open


def test_a_name_too_long_for_a_file_is_told_in_one_line():
    with pytest.raises(SourceError, match=r"can't be looked at \(File name too long\)"):
        find_source("a" * 300)


def test_a_camera_whose_driver_fails_in_its_own_way_is_passed_over(monkeypatch, fake_source):
    broken, fine = fake_source(name="Camera 0"), fake_source(name="Camera 1")
    broken.open_errors = [ValueError("a driver's own words")]
    monkeypatch.setattr(opening, "find_cameras", lambda _options: [broken, fine])
    assert find_source("auto") is fine
