"""Files of taught heads: what is in them, and what is refused."""

import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest

from live_cam.errors import ModelError, OutputError, UsageError
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.linear_head import LinearHead
from live_cam.models.taught_head import TaughtHead, network_digest, read_head

DIGEST = network_digest(IMAGENET_RESNET50, "0" * 64)


def make_head(classes=2, channels=5, **changes):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((channels, classes)).astype(np.float32)
    values: dict[str, Any] = {
        "head": LinearHead(weights, np.arange(classes, dtype=np.float32)),
        "labels": tuple(f"thing {i} é" for i in range(classes)),
        "evidence_logits": (0.0, 2.5),
        "digest": DIGEST,
    }
    return TaughtHead(**values | changes)


def test_a_head_is_what_it_was_when_it_is_read_again(tmp_path):
    head = make_head(3, resize="crop")
    head.save(tmp_path / "mine.npz")
    read = read_head(tmp_path / "mine.npz")
    np.testing.assert_array_equal(read.head.weights, head.head.weights)
    np.testing.assert_array_equal(read.head.bias, head.head.bias)
    assert (read.labels, read.evidence_logits, read.digest, read.resize) == (
        head.labels, head.evidence_logits, DIGEST, "crop",
    )  # fmt: skip
    assert read.name == "mine"
    with pytest.raises(OutputError, match="exists"):
        head.save(tmp_path / "mine.npz")


def test_the_classifier_has_the_taught_classes_at_the_last_layer():
    classifier = make_head(3).classifier(IMAGENET_RESNET50)
    assert classifier.labels == ("thing 0 é", "thing 1 é", "thing 2 é")
    assert list(classifier.layers) == [IMAGENET_RESNET50.default_layer] == list(classifier.fused_layers)
    assert classifier.head == "softmax"


def test_a_head_of_another_network_preprocessing_or_resize_is_refused():
    head = make_head()
    head.require_network(IMAGENET_RESNET50, "0" * 64)
    with pytest.raises(UsageError, match="another network than resnet50"):
        head.require_network(IMAGENET_RESNET50, "1" * 64)
    with pytest.raises(UsageError, match="--resize crop; add that"):
        make_head(resize="crop").require_network(IMAGENET_RESNET50, "0" * 64)


def arrays_of(head):
    data = io.BytesIO()
    head.write(data)
    data.seek(0)
    with np.load(data) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": np.array("another")},
        {"weights": np.zeros((5, 3), np.float32)},
        {"weights": np.full((5, 2), np.nan, np.float32)},
        {"weights": np.zeros((5, 2), np.int64)},
        {"bias": np.zeros(1, np.float32), "weights": np.zeros((5, 1), np.float32), "labels": np.array(["a"])},
        {"labels": np.array(["a", "a"])},
        {"labels": np.array([1, 2])},
        {"labels": np.array(["a", "b"], dtype=object)},
        {"evidence_logits": np.zeros(3)},
        {"resize": np.array("tilt")},
        {"digest": None},
    ],
    ids=str,
)
def test_arrays_that_are_no_head_are_refused_in_one_line(tmp_path, changes):
    arrays = {name: value for name, value in (arrays_of(make_head()) | changes).items() if value is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ModelError, match=r"bad\.npz is no head of taught classes") as refused:
        read_head(tmp_path / "bad.npz")
    assert "\n" not in str(refused.value)


class Exploding:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was run')",))


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"no file of ours" * 100, pickle.dumps(Exploding())]
)
def test_other_files_are_refused_and_pickles_never_run(tmp_path, content):
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(ModelError, match="is no head of taught classes"):
        read_head(tmp_path / "other.npz")


def test_what_unpacks_to_gigabytes_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "huge.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as file,
    ):
        for _ in range(120):
            file.write(bytes(1_000_000))
    with pytest.raises(ModelError, match="too large"):
        read_head(tmp_path / "huge.npz")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"can't be read \(No such file"):
        read_head(tmp_path / "none.npz")
