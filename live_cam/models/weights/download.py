"""Keras's own weight file: its cache, its URL, and a download with a time limit."""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import BinaryIO

from live_cam.errors import WeightsError
from live_cam.files import atomic_file

FILE_NAME = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{FILE_NAME}"
MD5 = "2cb95161c43110f7111970584f804107"
"""The digest that `keras.applications` itself checks its download against."""

_RESPONSE_LIMIT_S = 6.0
_BLOCK_BYTES = 1 << 18

Progress = Callable[[int, int], None]


def keras_cache_file() -> Path:
    """Returns the path of Keras's own download, in `KERAS_HOME` or `~/.keras`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models" / FILE_NAME


def verify_keras_file(path: Path, md5: str = MD5) -> None:
    """Raises `WeightsError` unless the file is exactly the one that Keras publishes."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != md5:
            raise WeightsError(f"{path} is not the file that Keras publishes: its MD5 differs; remove it")


def download(url: str, path: Path, md5: str, progress: Progress) -> None:
    """Downloads and verifies a file atomically.

    Args:
        url: Where it is.
        path: The file to write.
        md5: The expected MD5 (hex).
        progress: Called with bytes received and bytes in total.

    Raises:
        WeightsError: No response within seconds, the transfer stalled, or the file is not the expected one.
    """
    try:
        with atomic_file(path) as file:
            with _open_in_time(url) as response:
                received_md5 = _copy(response, file, progress)
            if received_md5 != md5:
                raise OSError("it is not the file that Keras publishes: its MD5 differs")
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it owns the socket
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise WeightsError(f"the download from Keras failed ({reason})") from error


def _open_in_time(url: str) -> http.client.HTTPResponse:
    """Opens a URL within the time limit, name resolution included, for which sockets have no timeout."""
    response: Future[http.client.HTTPResponse] = Future()

    def open_url() -> None:
        try:
            response.set_result(urllib.request.urlopen(url, timeout=_RESPONSE_LIMIT_S))
        except Exception as error:  # raised in the thread that waits
            response.set_exception(error)

    threading.Thread(target=open_url, name="weights-download", daemon=True).start()
    if not wait([response], _RESPONSE_LIMIT_S).done:
        response.add_done_callback(_close)
        raise TimeoutError(f"no response within {_RESPONSE_LIMIT_S:.0f} s")
    return response.result()


def _close(late: Future[http.client.HTTPResponse]) -> None:
    if late.exception() is None:
        late.result().close()


def _copy(response: http.client.HTTPResponse, file: BinaryIO, progress: Progress) -> str:
    """Copies the body and returns its MD5 (hex)."""
    md5 = hashlib.md5(usedforsecurity=False)
    total = response.length or 0
    received = 0
    while block := response.read(_BLOCK_BYTES):
        file.write(block)
        md5.update(block)
        received += len(block)
        progress(received, total)
    return md5.hexdigest()
