import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources import folder
from live_cam.sources.folder import RATE_FPS, FolderSource
from live_cam.sources.pictures.reader import read_rgb
from tests.clocks import FakeClock
from tests.sources.helpers import assert_one_line, intervals_s, read_frame, read_frames

_FRAMES_EACH = 2


@pytest.fixture(autouse=True)
def short_display_time(monkeypatch):
    """Sets two frames per image, instead of thirty."""
    monkeypatch.setattr(folder, "IMAGE_S", _FRAMES_EACH / RATE_FPS)


@pytest.fixture
def animals(gradio_media, tmp_path):
    """A folder of photographs, whose names give their order."""
    album = tmp_path / "animals"
    album.mkdir()
    for name, photograph in (("2.jpg", "lion.jpg"), ("10.jpg", "cheetah.jpg")):
        shutil.copy(gradio_media / "images" / photograph, album / name)
    return album


def _source(path):
    return FolderSource(path, FakeClock())


def _read_images(path, count):
    """Returns the first frame of each image."""
    return read_frames(_source(path), count * _FRAMES_EACH)[::_FRAMES_EACH]


def _next_image(stream):
    first, *_ = [stream.read() for _ in range(_FRAMES_EACH)]
    return first


def _show(frames, *paths):
    return all(np.array_equal(frame.rgb, read_rgb(path)) for frame, path in zip(frames, paths, strict=True))


def test_images_follow_each_other_in_natural_order_endlessly(animals):
    frames = _read_images(animals, 5)
    two, ten = animals / "2.jpg", animals / "10.jpg"
    assert _show(frames, two, ten, two, ten, two)
    assert (FolderSource(animals).name, FolderSource(animals).kind) == ("animals", "folder")


def test_images_follow_each_other_in_the_order_of_their_names(gradio_media):
    images = gradio_media / "images"
    frames = _read_images(images, 4)
    assert _show(frames, *(images / name for name in ("avatar.png", "bus.png", "cheetah.jpg", "cheetah1.jpg")))


def test_an_image_is_delivered_ten_times_per_second_while_it_is_shown(animals):
    stream = _source(animals).open()
    frames = [stream.read() for _ in range(2 * _FRAMES_EACH)]
    assert np.array_equal(frames[0].rgb, frames[1].rgb)
    assert not np.array_equal(frames[1].rgb, frames[2].rgb)
    assert np.allclose(intervals_s(frames), 0.1)
    assert stream.frozen_after_s is None


def test_added_images_are_shown_in_the_next_round_and_removed_ones_are_not_logged(
    animals, gradio_media, logged_warnings
):
    two, three, ten = (animals / name for name in ("2.jpg", "3.jpg", "10.jpg"))
    stream = _source(animals).open()
    first = _next_image(stream)
    shutil.copy(gradio_media / "images" / "tower.jpg", three)
    lion = read_rgb(two)
    two.unlink()
    rest = [_next_image(stream) for _ in range(3)]
    assert np.array_equal(first.rgb, lion)
    assert _show(rest, ten, three, ten)
    assert logged_warnings() == []


def test_an_image_removed_before_its_turn_is_skipped_silently(animals, logged_warnings):
    stream = _source(animals).open()
    first = _next_image(stream)
    (animals / "10.jpg").unlink()
    second = _next_image(stream)
    assert np.array_equal(first.rgb, second.rgb)
    assert logged_warnings() == []


def test_unreadable_files_are_skipped_and_logged_once(animals, logged_warnings):
    (animals / "1 notes.txt").write_text("not an image")
    cut = animals / "5.jpg"
    cut.write_bytes((animals / "2.jpg").read_bytes()[:300])
    source = _source(animals)
    for _ in range(2):
        stream = source.open()
        frames = [_next_image(stream) for _ in range(3)]
        assert _show(frames, animals / "2.jpg", animals / "10.jpg", animals / "2.jpg")
    assert len(logged_warnings()) == 2
    assert "notes.txt" in logged_warnings()[0]
    assert "5.jpg" in logged_warnings()[1]


def test_a_file_that_is_still_being_copied_is_shown_once_it_is_complete(animals):
    data = (animals / "10.jpg").read_bytes()
    (animals / "10.jpg").write_bytes(data[: len(data) // 2])
    stream = _source(animals).open()
    before = [_next_image(stream) for _ in range(2)]
    (animals / "10.jpg").write_bytes(data)
    after = [_next_image(stream) for _ in range(2)]
    assert _show(before, animals / "2.jpg", animals / "2.jpg")
    assert any(_show([frame], animals / "10.jpg") for frame in after)


def test_hidden_files_and_everything_that_is_no_file_are_skipped_silently(animals, logged_warnings):
    shutil.copy(animals / "10.jpg", animals / ".1.jpg")
    (animals / "1.jpg").mkdir()
    os.mkfifo(animals / "3.jpg")
    (animals / "4.jpg").symlink_to(animals / "nowhere.jpg")
    assert _show(_read_images(animals, 3), animals / "2.jpg", animals / "10.jpg", animals / "2.jpg")
    assert logged_warnings() == []


@pytest.mark.parametrize(
    ("size_px", "shown_px"),
    [((3840, 2160), (1920, 1080)), ((2000, 4000), (540, 1080)), ((1920, 1080), (1920, 1080)), ((9000, 1), (1920, 1))],
)
def test_a_large_image_is_scaled_down_and_keeps_its_aspect_ratio(tmp_path, gradio_media, size_px, shown_px):
    with Image.open(gradio_media / "images" / "cheetah.jpg") as photograph:
        photograph.resize(size_px).save(tmp_path / "large.bmp")
        small = np.asarray(photograph.convert("RGB").resize(shown_px), np.int16)
    frame = read_frame(_source(tmp_path))
    assert frame.rgb.shape == (shown_px[1], shown_px[0], 3)
    assert np.abs(frame.rgb - small).mean() < 12


def test_the_exif_orientation_is_applied(tmp_path, gradio_media):
    with Image.open(gradio_media / "images" / "lion.jpg") as photograph:
        exif = photograph.getexif()
        exif[0x0112] = 6  # a quarter turn clockwise
        photograph.save(tmp_path / "rotated.jpg", exif=exif)
        width_px, height_px = photograph.size
    assert read_frame(_source(tmp_path)).rgb.shape == (width_px, height_px, 3)


def test_a_folder_without_images_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(SourceError, match="contains no readable image") as failure:
        FolderSource(tmp_path).open()
    assert_one_line(failure.value, tmp_path.name)
    assert str(tmp_path) not in str(failure.value)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="can't be read") as failure:
        FolderSource(tmp_path / "gone").open()
    assert_one_line(failure.value, "gone")
    assert str(tmp_path) not in str(failure.value)


def test_a_folder_emptied_while_it_is_shown_is_an_error_until_it_has_an_image_again(animals):
    data = (animals / "2.jpg").read_bytes()
    stream = _source(animals).open()
    _next_image(stream)
    for path in animals.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="contains no readable image"):
        stream.read()
    (animals / "2.jpg").write_bytes(data)
    assert _show([stream.read()], animals / "2.jpg")
    stream.close()
    stream.close()


def test_the_working_directory_is_named_after_its_folder(animals, monkeypatch):
    monkeypatch.chdir(animals)
    assert FolderSource(Path()).name == "animals"
