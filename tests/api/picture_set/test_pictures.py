"""The pictures of a folder, their true classes, and where the objects are."""

from __future__ import annotations

import pytest

from live_cam.api.picture_set.boxes import boxes_of
from live_cam.api.picture_set.pictures import find_pictures
from live_cam.api.picture_set.truth import folder_labels, read_truth, true_classes
from live_cam.errors import SourceError, UsageError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_of(folder, left_out="report"):
    return [picture.name for picture in find_pictures(folder, folder / left_out)]


def test_subfolders_are_walked_and_what_is_no_picture_is_passed_over(tmp_path):
    touch(tmp_path, "b/2.PNG", "a/deep/1.jpg", "0.webp", "a/notes.txt", ".hidden/3.png", "a/.4.png", "report/5.png")
    assert names_of(tmp_path) == ["0.webp", "a/deep/1.jpg", "b/2.PNG"]


def test_pictures_are_known_by_their_names_or_by_how_they_begin(tmp_path):
    touch(tmp_path, "broken.jpg")
    for name, data in {"scan": b"\xff\xd8\xff\xe0", "paper": b"%PDF-1.7", "clip.mjpg": b"\xff\xd8\xff\xe0"}.items():
        (tmp_path / name).write_bytes(data)
    assert names_of(tmp_path) == ["broken.jpg", "scan"]


def test_a_linked_folder_is_entered_once(tmp_path):
    touch(tmp_path, "pictures/cats/1.png")
    (tmp_path / "pictures" / "cats" / "again").symlink_to(tmp_path / "pictures")
    touch(tmp_path, "elsewhere/2.png")
    (tmp_path / "pictures" / "dogs").symlink_to(tmp_path / "elsewhere")
    assert names_of(tmp_path / "pictures") == ["cats/1.png", "dogs/2.png"]


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "does not exist"), ("file.png", "is not a folder"), ("empty", "holds no picture")]
)
def test_a_folder_without_pictures_is_said(tmp_path, name, message):
    touch(tmp_path, "file.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=message):
        names_of(tmp_path / name)


def test_true_classes_are_those_of_the_first_subfolder_as_labels_are_matched():
    named = folder_labels(["Big_Cat/1.png", "big cat/deep/2.png", "3.png", "dog/4.png"])
    classes, lines = true_classes(named, ["dog", "big cat"])
    assert classes == {"Big_Cat/1.png": 1, "big cat/deep/2.png": 1, "dog/4.png": 0}
    assert lines == []


def test_a_truth_that_is_no_class_is_named_in_one_line():
    named = {"1.png": "dog", "2.png": "dgo", "3.png": "dgo"}
    classes, (line,) = true_classes(named, ["dog", "cat"])
    assert classes == {"1.png": 0}
    assert "no class is called 'dgo'; did you mean 'dog'?" in line
    assert "2 of 3 pictures" in line
    _, (line,) = true_classes({str(n): f"kind {n}" for n in range(9)}, ["dog"])
    assert "'kind 4' and 4 more are no classes of the model" in line


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na/1.png,dog\n2.png,cat\n",
        "\ufefflabel;size;file\ndog;7;a/1.png\ncat;8;2.png\n",
        "a\\1.png\tdog\n\n./2.png\tcat",
        '{folder}/a/1.png,"dog"\r\n{folder}/2.png,cat\r\n',
    ],
)
def test_tables_of_true_classes(tmp_path, text):
    table = tmp_path / "truth.csv"
    table.write_text(text.replace("{folder}", str(tmp_path)), "utf-8")
    assert read_truth(table, tmp_path) == {"a/1.png": "dog", "2.png": "cat"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"path,label\n1.png\n", "row 2 of .*truth.csv has no label"),
        (b"1.png,dog\n1.png,cat\n", "row 2 of .*truth.csv gives 1.png a second label"),
        (b"\xff\xfe1", "is not a CSV file in UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path, data, message):
    table = tmp_path / "truth.csv"
    table.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        read_truth(table, tmp_path)


def test_boxes_are_those_of_the_pictures(tmp_path, caplog):
    touch(tmp_path, "a/1.png", "2.png")
    table = tmp_path / "boxes.csv"
    table.write_text(f"a\\1.png,0,0,5,5\n{tmp_path}/a/1.png,6,6,9,9\ngone.png,0,0,1,1\n", "utf-8")
    pictures = find_pictures(tmp_path)
    assert boxes_of(pictures, table, tmp_path)["a/1.png"] == [(0, 0, 5, 5), (6, 6, 9, 9)]
    assert "boxes.csv names 1 pictures that are not in" in caplog.text
    with pytest.raises(UsageError, match=r"names 1 pictures .* such as 'a/1.png'; write paths relative to that folder"):
        boxes_of([picture for picture in pictures if picture.name == "2.png"], _only_first(table), tmp_path)


def _only_first(table):
    table.write_text(table.read_text("utf-8").partition("\n")[0], "utf-8")
    return table
