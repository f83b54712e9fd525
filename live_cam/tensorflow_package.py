"""TensorFlow as a package, which a container does without once its steps are converted; imports nothing of it."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from live_cam.errors import NoTensorFlowError
from live_cam.files import atomic_file

_MODULES: Final = ("tensorflow", "keras")
_RECORD: Final = "converters.json"


def has_tensorflow() -> bool:
    """Whether TensorFlow and Keras are installed."""
    return all(find_spec(name) is not None for name in _MODULES)


def require_tensorflow() -> None:
    """Raises `NoTensorFlowError` where TensorFlow or Keras is not installed."""
    if not has_tensorflow():
        raise NoTensorFlowError


def lacks_tensorflow(error: ImportError) -> bool:
    """Whether an import failed since TensorFlow or Keras is not installed."""
    return isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in _MODULES


def installed_version(package: str) -> str:
    """Returns the version of a package; empty if it is not installed.

    `tensorflow-cpu`, which is the same without kernels for GPUs, counts as `tensorflow`.
    """
    for name in (package, f"{package}-cpu"):
        with suppress(PackageNotFoundError):
            return version(name)
    return ""


def converter_versions(cache: Path) -> list[str]:
    """Returns the versions that convert steps; without TensorFlow, those that `record_converters` has written down."""
    if not has_tensorflow():
        with suppress(OSError, ValueError):
            return [str(each) for each in json.loads((cache / _RECORD).read_text("utf-8"))]
    return list(map(installed_version, _MODULES))


def record_converters(cache: Path) -> None:
    """Writes down which versions have converted the steps of a folder, for programs without TensorFlow that use it.

    Raises:
        OSError: It can't be written.
    """
    with atomic_file(cache / _RECORD) as file:
        file.write(json.dumps([installed_version(name) for name in _MODULES]).encode())
