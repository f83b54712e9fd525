"""Keras's own weight file: where Keras keeps it, where it is published, and a download that gives up in seconds."""

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
from live_cam.explain.whole_file import whole_file

FILE_NAME = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{FILE_NAME}"
MD5 = "2cb95161c43110f7111970584f804107"
"""The digest that `keras.applications` itself checks its download against."""

_ANSWER_LIMIT_S = 6.0
_BLOCK_BYTES = 1 << 18

Progress = Callable[[int, int], None]


def keras_cache_file() -> Path:
    """Gives the path where Keras looks for its own download (`KERAS_HOME`, else `~/.keras`)."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models" / FILE_NAME


def verify_keras_file(path: Path, md5: str = MD5) -> None:
    """Raises `WeightsError` unless the file is, to the bit, the one Keras publishes."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != md5:
            raise WeightsError(f"{path} is not the file that Keras publishes: its MD5 differs; remove it")


def download(url: str, path: Path, md5: str, progress: Progress) -> None:
    """Downloads to `path`, which holds all of the verified file in the end or is not touched.

    Raises:
        WeightsError: No answer within seconds, the transfer stalled, or the file is not the one expected.
    """
    try:
        with whole_file(path) as file:
            with _open_in_time(url) as answer:
                had_md5 = _copy(answer, file, progress)
            if had_md5 != md5:
                raise OSError("it is another file than Keras publishes: its MD5 differs")
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the socket
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise WeightsError(f"Keras's download failed ({reason})") from error


def _open_in_time(url: str) -> http.client.HTTPResponse:
    """Opens the address, bounding also the name look-up, for which no socket has a time-out."""
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        try:
            answer.set_result(urllib.request.urlopen(url, timeout=_ANSWER_LIMIT_S))
        except Exception as error:  # handed over to the thread that waits
            answer.set_exception(error)

    threading.Thread(target=ask, name="weights-download", daemon=True).start()
    if not wait([answer], _ANSWER_LIMIT_S).done:
        answer.add_done_callback(_close)
        raise TimeoutError(f"no answer within {_ANSWER_LIMIT_S:.0f} s")
    return answer.result()


def _close(late: Future[http.client.HTTPResponse]) -> None:
    if late.exception() is None:
        late.result().close()


def _copy(answer: http.client.HTTPResponse, file: BinaryIO, progress: Progress) -> str:
    """Copies the answer and gives its MD5 (hex)."""
    md5 = hashlib.md5(usedforsecurity=False)
    total = answer.length or 0
    had = 0
    while block := answer.read(_BLOCK_BYTES):
        file.write(block)
        md5.update(block)
        had += len(block)
        progress(had, total)
    return md5.hexdigest()
