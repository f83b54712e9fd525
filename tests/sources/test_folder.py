import logging
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources import folder
from live_cam.sources.folder import RATE_FPS, FolderSource
from live_cam.sources.image import read_rgb

_FRAMES_EACH = 2


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Two frames a picture in place of thirty."""
    monkeypatch.setattr(folder, "PICTURE_S", _FRAMES_EACH / RATE_FPS)


@pytest.fixture
def animals(gradio_media, tmp_path):
    """A folder with real photographs whose names say their order."""
    album = tmp_path / "animals"
    album.mkdir()
    for name, photograph in (("2.jpg", "lion.jpg"), ("10.jpg", "cheetah.jpg")):
        shutil.copy(gradio_media / "images" / photograph, album / name)
    return album


@pytest.fixture
def warnings_told(caplog):
    """What was logged as a warning until now: `warnings_told()`."""
    caplog.set_level(logging.WARNING, logger="live_cam")
    return lambda: [record.getMessage() for record in caplog.records]


def _read(path, pictures):
    """Reads so many pictures and gives the first frame of each."""
    stream = FolderSource(path).open()
    try:
        return [_next_picture(stream) for _ in range(pictures)]
    finally:
        stream.close()


def _next_picture(stream):
    first, *_ = [stream.read() for _ in range(_FRAMES_EACH)]
    return first


def _show(frames, *paths):
    return all(np.array_equal(frame.rgb, read_rgb(path)) for frame, path in zip(frames, paths, strict=True))


def test_pictures_follow_each_other_in_natural_order_over_and_over(animals):
    frames = _read(animals, 5)
    two, ten = animals / "2.jpg", animals / "10.jpg"
    assert _show(frames, two, ten, two, ten, two)
    assert frames[0].source_id == "animals"
    assert FolderSource(animals).kind == "folder"


def test_photographs_of_gradio_are_shown_in_the_order_of_their_names(gradio_media):
    images = gradio_media / "images"
    frames = _read(images, 4)
    assert _show(frames, *(images / name for name in ("avatar.png", "bus.png", "cheetah.jpg", "cheetah1.jpg")))


def test_a_picture_stays_for_its_time_given_ten_times_a_second(animals):
    stream = FolderSource(animals).open()
    frames = [stream.read() for _ in range(2 * _FRAMES_EACH)]
    stream.close()
    assert [frame.seq for frame in frames] == list(range(2 * _FRAMES_EACH))
    assert np.array_equal(frames[0].rgb, frames[1].rgb)
    assert not np.array_equal(frames[1].rgb, frames[2].rgb)
    intervals_ms = np.diff([frame.pts_ns for frame in frames]) / 1e6
    assert intervals_ms.mean() > 90
    # A busy machine may hold up some.
    assert intervals_ms.min() < 190
    assert stream.frozen_after_s is None


def test_new_pictures_are_shown_in_the_next_round_and_removed_ones_are_no_fault(animals, gradio_media, warnings_told):
    two, three, ten = (animals / name for name in ("2.jpg", "3.jpg", "10.jpg"))
    stream = FolderSource(animals).open()
    first = _next_picture(stream)
    shutil.copy(gradio_media / "images" / "tower.jpg", three)
    lion = read_rgb(two)
    two.unlink()
    rest = [_next_picture(stream) for _ in range(3)]
    stream.close()
    assert np.array_equal(first.rgb, lion)
    assert _show(rest, ten, three, ten)
    assert warnings_told() == []


def test_a_picture_removed_before_its_turn_is_left_out_without_a_word(animals, warnings_told):
    stream = FolderSource(animals).open()
    first = _next_picture(stream)
    (animals / "10.jpg").unlink()
    second = _next_picture(stream)
    stream.close()
    assert np.array_equal(first.rgb, second.rgb)
    assert warnings_told() == []


def test_what_is_no_picture_is_passed_over_and_told_once(animals, warnings_told):
    (animals / "1 notes.txt").write_text("not a picture")
    cut = animals / "5.jpg"
    cut.write_bytes((animals / "2.jpg").read_bytes()[:300])
    source = FolderSource(animals)
    for _ in range(2):
        stream = source.open()
        frames = [_next_picture(stream) for _ in range(3)]
        stream.close()
        assert _show(frames, animals / "2.jpg", animals / "10.jpg", animals / "2.jpg")
    assert len(warnings_told()) == 2
    assert "notes.txt" in warnings_told()[0]
    assert "5.jpg" in warnings_told()[1]


def test_a_file_that_was_still_being_copied_is_shown_when_it_is_whole(animals):
    whole = (animals / "10.jpg").read_bytes()
    (animals / "10.jpg").write_bytes(whole[: len(whole) // 2])
    stream = FolderSource(animals).open()
    partly = [_next_picture(stream) for _ in range(2)]
    (animals / "10.jpg").write_bytes(whole)
    frames = [_next_picture(stream) for _ in range(2)]
    stream.close()
    assert _show(partly, animals / "2.jpg", animals / "2.jpg")
    assert any(_show([frame], animals / "10.jpg") for frame in frames)


def test_hidden_files_and_folders_in_the_folder_are_left_out(animals, warnings_told):
    shutil.copy(animals / "10.jpg", animals / ".1.jpg")
    (animals / "1.jpg").mkdir()
    os.mkfifo(animals / "3.jpg")
    (animals / "4.jpg").symlink_to(animals / "nowhere.jpg")
    assert _show(_read(animals, 3), animals / "2.jpg", animals / "10.jpg", animals / "2.jpg")
    assert warnings_told() == []


@pytest.mark.parametrize(
    ("size_px", "shown_px"),
    [((3840, 2160), (1920, 1080)), ((2000, 4000), (540, 1080)), ((1920, 1080), (1920, 1080)), ((9000, 1), (1920, 1))],
)
def test_a_large_picture_is_scaled_down_and_keeps_its_shape(tmp_path, gradio_media, size_px, shown_px):
    with Image.open(gradio_media / "images" / "cheetah.jpg") as photograph:
        photograph.resize(size_px).save(tmp_path / "large.png")
        small = np.asarray(photograph.convert("RGB").resize(shown_px), np.int16)
    (frame,) = _read(tmp_path, 1)
    assert frame.rgb.shape == (shown_px[1], shown_px[0], 3)
    assert np.abs(frame.rgb - small).mean() < 12


def test_a_picture_taken_with_a_turned_telephone_is_shown_upright(tmp_path, gradio_media):
    with Image.open(gradio_media / "images" / "lion.jpg") as photograph:
        exif = photograph.getexif()
        exif[0x0112] = 6  # a quarter turn clockwise
        photograph.save(tmp_path / "turned.jpg", exif=exif)
        width_px, height_px = photograph.size
    (frame,) = _read(tmp_path, 1)
    assert frame.rgb.shape == (width_px, height_px, 3)


def test_a_folder_without_a_picture_is_told_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(SourceError, match="holds no picture") as refusal:
        FolderSource(tmp_path).open()
    assert len(str(refusal.value).splitlines()) == 1
    assert str(tmp_path) in str(refusal.value)


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(SourceError, match="can't be read") as refusal:
        FolderSource(tmp_path / "gone").open()
    assert len(str(refusal.value).splitlines()) == 1


def test_a_folder_emptied_while_it_is_shown_is_an_error_until_there_is_a_picture_again(animals):
    kept = (animals / "2.jpg").read_bytes()
    stream = FolderSource(animals).open()
    _next_picture(stream)
    for path in animals.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="holds no picture"):
        stream.read()
    (animals / "2.jpg").write_bytes(kept)
    assert _show([stream.read()], animals / "2.jpg")
    stream.close()
    stream.close()


def test_the_working_directory_has_the_name_of_its_folder(animals, monkeypatch):
    monkeypatch.chdir(animals)
    assert FolderSource(folder.Path()).name == "animals"
