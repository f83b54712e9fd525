"""The archive format, and the digest of weights."""

import pickle

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.models.weights import archive

pytestmark = pytest.mark.slow


class Bomb:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def two_arrays():
    rng = np.random.default_rng(0)
    return {
        "a/kernel": rng.standard_normal((3, 3, 4, 5), np.float32),
        "b/bias": rng.standard_normal(7, np.float32),
    }


def test_archive_returns_what_was_written(tmp_path, two_arrays):
    archive.write_archive(two_arrays, tmp_path / "w.npz")
    found = archive.read_archive(tmp_path / "w.npz")
    assert found.keys() == two_arrays.keys()
    for name, array in two_arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.float32


def test_digest_does_not_depend_on_order_or_memory_layout(tmp_path, two_arrays):
    expected = archive.digest(two_arrays)
    assert archive.digest(dict(reversed(two_arrays.items()))) == expected
    in_columns = {name: np.asfortranarray(array) for name, array in two_arrays.items()}
    assert archive.digest(in_columns) == expected


def test_digest_changes_with_a_single_bit(two_arrays):
    changed = {name: array.copy() for name, array in two_arrays.items()}
    changed["a/kernel"].view(np.uint32).flat[50] ^= 1
    assert archive.digest(changed) != archive.digest(two_arrays)


def test_real_network_has_the_expected_digest(network):
    values = {variable.path: variable.numpy() for variable in network.variables}
    assert archive.digest(values) == archive.IMAGENET_DIGEST


@pytest.mark.parametrize("layout", ["npz", "npy", "pickle"])
def test_files_are_not_unpickled(tmp_path, layout):
    path, proof = tmp_path / "w.npz", tmp_path / "exploded"
    if layout == "pickle":
        path.write_bytes(pickle.dumps(Bomb(proof)))
    else:
        with path.open("wb") as file:
            array = np.array([Bomb(proof)], object)
            np.savez(file, a=array) if layout == "npz" else np.save(file, array)
    with pytest.raises(WeightsError, match=r"w\.npz is not a readable weight archive") as caught:
        archive.read_archive(path)
    assert "\n" not in str(caught.value)
    assert not proof.exists()
    # Unpickled, it would have created the file.
    with np.load(path, allow_pickle=True) if layout == "npz" else path.open("rb") as opened:
        if layout == "npz":
            opened["a"][0].close()
        elif layout == "npy":
            np.load(opened, allow_pickle=True)[0].close()
        else:
            pickle.load(opened).close()
    assert proof.exists()


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.complex64, ">f4"])
def test_other_types_than_float32_are_refused(tmp_path, two_arrays, dtype):
    np.savez(tmp_path / "w.npz", **{**two_arrays, "b/bias": np.zeros(7, dtype)})
    with pytest.raises(WeightsError, match=r"w\.npz contains values that are not float32") as caught:
        archive.read_archive(tmp_path / "w.npz")
    assert "\n" not in str(caught.value)


def test_corrupt_value_is_detected(tmp_path, two_arrays):
    path = tmp_path / "w.npz"
    archive.write_archive(two_arrays, path)
    data = bytearray(path.read_bytes())
    at = data.index(two_arrays["b/bias"].tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="not a readable weight archive"):
        archive.read_archive(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY", b"\x00" * 1000])
def test_other_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.npz is not a readable weight archive") as caught:
        archive.read_archive(tmp_path / "w.npz")
    assert "\n" not in str(caught.value)


def test_missing_file_is_a_weights_error(tmp_path):
    with pytest.raises(WeightsError, match="none"):
        archive.read_archive(tmp_path / "none.npz")
