"""Files of labels: the formats that trainers and converters write, and what is none of them."""

import codecs
import json

import pytest

from live_cam.errors import UsageError
from live_cam.models.label_files import MAX_CLASSES, find_label_file, read_labels
from live_cam.models.labels import find_label

NAMES = ("Cup", "Red pen", "Löwe 獅子 🦁")
TABLE = '0,Cup\n1,"Pen, red"\n2,🦁\n'


def lines(*texts):
    return "\n".join(texts)


def read(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", lines(*NAMES)),
        ("labels", "\r\n".join(NAMES) + "\r\n\r\n \n"),
        ("labels.txt", "\r".join(NAMES)),
        ("labels.txt", lines(*(f" {name}\t" for name in NAMES))),
        ("labels.txt", lines(*(f"{i} {name}" for i, name in enumerate(NAMES)))),
        ("labels.txt", lines(*(f"{i}: {name}" for i, name in enumerate(NAMES)))),
        ("labels.txt", lines(*(f"{i},{name}" for i, name in enumerate(NAMES)))),
        ("labels.txt", lines(*(f"{i:03}\t{name}" for i, name in reversed(list(enumerate(NAMES)))))),
        ("labels.json", json.dumps(NAMES)),
        ("labels.txt", json.dumps(NAMES, ensure_ascii=False, indent=1)),
        ("labels.json", json.dumps({"2": NAMES[2], "0": NAMES[0], "1": NAMES[1]})),
        ("class_indices.json", json.dumps({NAMES[2]: 2, NAMES[0]: 0, NAMES[1]: 1})),
        ("labels.json", json.dumps({NAMES[2]: "2", NAMES[0]: "0", NAMES[1]: "1"})),
        ("imagenet_class_index.json", json.dumps({str(i): [f"n{i}", name] for i, name in enumerate(NAMES)})),
        ("labels.csv", lines(*(f"{i},{name}" for i, name in enumerate(NAMES)))),
        ("labels.csv", lines("name;index", *(f"{name};{i}" for i, name in reversed(list(enumerate(NAMES)))))),
        ("labels.tsv", lines("id\tlabel", *(f"{i}\t{name}" for i, name in enumerate(NAMES)))),
        ("labels.csv", lines("label", *NAMES)),
        ("labels.csv", lines("class_index,class,height", *(f"{i},{name},224" for i, name in enumerate(NAMES)))),
    ],
)
@pytest.mark.parametrize(
    "encode", [str.encode, lambda text: codecs.BOM_UTF8 + text.encode(), lambda text: text.encode("utf-16")]
)
def test_every_format_gives_the_names_in_order(tmp_path, name, content, encode):
    assert read(tmp_path, name, encode(content)) == NAMES


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("labels.csv", TABLE, ("Cup", "Pen, red", "🦁")),
        ("labels.txt", TABLE, ("Cup", "Pen, red", "🦁")),
        ("labels.txt", "0,tench, Tinca tinca\n1,goldfish", ("tench, Tinca tinca", "goldfish")),
        ("labels.txt", "0\n1\n2", ("0", "1", "2")),
        ("labels.csv", "index,label\n1,0\n0,1", ("1", "0")),
        ("class_indices.json", '{"1": 0, "0": 1}', ("1", "0")),
        ("labels.txt", "1 euro\n2 euro", ("1 euro", "2 euro")),
        ("labels.txt", "0 cat\n0 dog", ("0 cat", "0 dog")),
        ("labels.txt", "0 cat\ndog", ("0 cat", "dog")),
        ("labels.txt", "[UNK]\n{x}", ("[UNK]", "{x}")),
        ("labels.txt", "crane\ncrane\ncrane (2)\ncrane", ("crane", "crane (3)", "crane (2)", "crane (4)")),
        ("labels.txt", "a\x1b[2J\x07\u202eb\tc", (r"a\x1b[2J\x07\u202eb c",)),
        ("labels.json", r'["two\nlines", "\ud83d", "👩\u200d🔬"]', ("two lines", r"\ud83d", "👩\u200d🔬")),
        ("labels.txt", "x" * 1000 + "\n" + "x" * 1000, ("x" * 199 + "…", "x" * 199 + "… (2)")),
    ],
)  # fmt: skip
def test_names_stay_what_they_are_and_differ(tmp_path, name, content, names):
    assert read(tmp_path, name, content) == names


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.txt", "", "names no classes"),
        ("labels.json", "[]", "names no classes"),
        ("labels.csv", "\n", "names no classes"),
        ("labels.txt", "cat\n\ndog", "class 1 without a name"),
        ("labels.json", '["cat", " "]', "class 1 without a name"),
        ("labels.csv", "name\n\ndog", "class 0 without a name"),
        ("labels.txt", "Löwe".encode("latin-1"), r"line 1 of .* is not UTF-8; save the labels as UTF-8"),
        ("labels.txt", codecs.BOM_UTF16_LE + b"a", "is not UTF-16"),
        ("labels.txt", "cat".encode("utf-16-le"), "is not text"),
        ("labels.txt", b"\x89HDF\r\n\x1a\n\0\0", "is not UTF-8"),
        ("labels.json", '["cat", "d', "is not JSON"),
        ("labels.json", "[" * 200_000, "nested too deeply"),
        ("labels.json", '{"1": "cat", "2": "dog"}', "from 0 on, each once"),
        ("labels.json", '{"0": "cat", "0": "dog"}', "from 0 on, each once"),
        ("labels.json", '{"cat": 0, "dog": 0}', "from 0 on, each once"),
        ("labels.json", '{"cat": true, "dog": false}', "neither a list"),
        ("labels.json", '[{"id": 0, "name": "cat"}]', "neither a list"),
        ("labels.json", '{"class_name": "Functional", "config": {}}', "neither a list"),
        ("labels.csv", "0,tench, Tinca tinca\n1,goldfish", "row 2 of .* has 2 columns, not 3; quote names"),
        ("labels.csv", "n01,cat\nn02,dog", "no column of .* numbers the classes"),
        ("labels.csv", "0,a,b\n1,c,d", "has 3 columns; .* call one column `name`"),
        ("labels.csv", f"0,{'x' * 200_000}", "is not a table"),
        ("labels.txt", "x\n" * (MAX_CLASSES + 1), "more than 50000 classes"),
        ("labels.csv", "\n".join(f"{i},x" for i in range(MAX_CLASSES + 9)), "more than 50000 classes"),
        ("labels.txt", b"x" * 10_000_001, "larger than 10 MB"),
    ],
)  # fmt: skip
def test_what_names_no_classes_is_one_line_that_names_the_file(tmp_path, name, content, message):
    with pytest.raises(UsageError, match=message) as caught:
        read(tmp_path, name, content)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.txt", ".", "x" * 300, "nul\0"])
def test_what_is_no_file_is_an_error(tmp_path, name):
    with pytest.raises(UsageError, match="label file"):
        read_labels(tmp_path / name)


def test_as_many_classes_as_are_allowed_are_read(tmp_path):
    table = "\n".join(["index,name", *(f"{i},crane" for i in range(MAX_CLASSES))])
    names = read(tmp_path, "labels.csv", table)
    assert (names[0], names[-1], len(set(names))) == ("crane", f"crane ({MAX_CLASSES})", MAX_CLASSES)


def test_the_file_beside_a_model_is_found_in_a_fixed_order(tmp_path):
    model = tmp_path / "mine.keras"
    model.touch()
    assert find_label_file(model) is None
    (tmp_path / "mine.json").write_text('{"class_name": "Functional"}')  # an architecture of Keras
    assert find_label_file(model) is None
    (tmp_path / "mine.json").write_text('["cat", "dog"]')
    order = ["mine.json", "labels.csv", "labels.json", "class_indices.json"]
    order += ["mine.txt", "classes.txt", "class_names.txt", "labels.txt", "mine.labels"]
    for name in order:
        (tmp_path / name).write_text('["cat", "dog"]')
        assert find_label_file(model) == tmp_path / name


def test_labels_of_a_model_that_is_a_folder_lie_in_it_or_beside_it(tmp_path):
    model = tmp_path / "model.savedmodel"
    model.mkdir()
    (tmp_path / "labels.txt").write_text("0 Cup\n1 Pen")
    assert find_label_file(model) == tmp_path / "labels.txt"
    (model / "labels.csv").write_text("0,Cup")
    assert find_label_file(model) == model / "labels.csv"


def test_a_model_that_a_text_file_names_is_not_its_own_labels(tmp_path):
    (tmp_path / "labels.txt").write_text("mobilenet_v2")
    assert find_label_file(tmp_path / "labels.txt") is None


def test_labels_with_underscores_or_of_one_spelling_are_found_by_their_names():
    labels = ("great_white_shark", "US", "us", "1")
    assert [find_label(each, labels) for each in ("great white shark", "Great_White_Shark", *labels)] == [
        0,
        0,
        0,
        1,
        2,
        3,
    ]
