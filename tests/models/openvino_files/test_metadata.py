"""The labels that exporters write into their files."""

import json
import shutil
import zipfile

import openvino as ov
import pytest

from live_cam.models.openvino_files.metadata import find_labels
from live_cam.models.openvino_files.network import read_network
from tests.models.openvino_files.graphs import LINEAR

NAMES = ("cat", "dog", "hen", "guinea pig", "ass")


@pytest.mark.parametrize(
    "metadata",
    [
        {"names": repr(dict(enumerate(NAMES)))},  # as Ultralytics writes it
        {"names": repr({4: "ass", 3: "guinea pig", 0: "cat", 1: "dog", 2: "hen"})},
        {"names": repr(list(NAMES))},
        {"classes": json.dumps(NAMES)},
        {"labels": json.dumps({str(i): name for i, name in enumerate(NAMES)})},
        {"labels": "cat, dog, hen, guinea  pig\n, ass"},
        {"names": "{0: 'of another network'}", "class_names": ",".join(NAMES)},
    ],
)
def test_labels_of_onnx(tmp_path, metadata):
    assert read_network(LINEAR["softmax"]().write(tmp_path / "a.onnx", metadata=metadata)).labels == NAMES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat,dog",
        "{0: 'cat'}",
        "{0: 'a', 1: 'b', 2: 'c', 3: 'd', 5: 'e'}",
        "[" * 100_000,
        "-" * 100_000,
        "__import__('os').abort()",
        "{0: [].__class__}",
        "9" * 10_000,
        "x," * 3_000_000,
    ],
)
def test_what_names_no_class_is_no_label(tmp_path, text):
    assert read_network(LINEAR["softmax"]().write(tmp_path / "a.onnx", metadata={"names": text})).labels is None


def test_labels_of_openvino_model_api(tmp_path):
    model = ov.Core().read_model(LINEAR["softmax"]().write(tmp_path / "a.onnx"))
    model.set_rt_info("cat dog hen guinea_pig ass", ["model_info", "labels"])
    ov.save_model(model, tmp_path / "a.xml")
    assert read_network(tmp_path / "a.xml").labels == ("cat", "dog", "hen", "guinea_pig", "ass")


def test_labels_of_tflite_are_in_a_zip_behind_it(tmp_path):
    model = ov.Core().read_model(LINEAR["softmax"]().write(tmp_path / "a.onnx"))
    path = tmp_path / "a.tflite"
    path.write_bytes(b"network" * 100)
    assert find_labels(model, path, 5) is None
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("associated/labels.txt", "\n".join(NAMES) + "\n")
    assert find_labels(model, path, 5) == NAMES
    shutil.copyfile(path, tmp_path / "a.onnx")
    assert find_labels(model, tmp_path / "a.onnx", 5) is None
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", b"a\n" * 50_000_000)
    assert find_labels(model, path, 5) is None
