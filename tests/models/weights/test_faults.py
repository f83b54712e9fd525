"""Corrupt files, missing servers, unwritable directories: one line each, and nothing is left behind."""

import gc
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.models.weights import archive, download, tfjs
from live_cam.models.weights.find import cache_file, find_weights

CONTENT = bytes(range(256)) * 4000
CONTENT_MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def assert_refused(path):
    with pytest.raises(WeightsError, match=r"w\.npz is not a readable weight archive") as caught:
        archive.read_archive(path)
    assert "\n" not in str(caught.value)
    del caught
    # A file left open fails the test here, and not whichever test the collector runs in next.
    gc.collect()


def test_truncated_archive_is_refused_and_closed(tmp_path):
    archive.write_archive({"a": np.zeros(10_000, np.float32)}, tmp_path / "w.npz")
    with (tmp_path / "w.npz").open("r+b") as file:
        file.truncate(20_000)
    assert_refused(tmp_path / "w.npz")


def test_single_array_is_not_an_archive(tmp_path):
    with (tmp_path / "w.npz").open("wb") as file:
        np.save(file, np.zeros(3, np.float32))
    assert_refused(tmp_path / "w.npz")


def test_other_zip_file_is_not_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert_refused(tmp_path / "w.npz")


def test_array_of_a_huge_shape_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    assert_refused(tmp_path / "w.npz")


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [False, True])
def test_archive_corrupt_anywhere_is_read_or_refused_in_one_line(tmp_path, compressed):
    path = tmp_path / "w.npz"
    write = np.savez_compressed if compressed else np.savez
    write(path, a=np.arange(300, dtype=np.float32), b=np.zeros(4, np.float32))
    good = path.read_bytes()
    messages = []
    rng = np.random.default_rng(0)
    for _ in range(500):
        corrupt = bytearray(good)
        corrupt[rng.integers(len(good))] = rng.integers(256)
        path.write_bytes(corrupt[: rng.integers(len(good))] if rng.random() < 0.2 else corrupt)
        try:
            archive.read_archive(path)
        except WeightsError as error:
            messages.append(str(error))
    assert messages
    assert not any("\n" in message for message in messages)
    gc.collect()


def test_package_corrupt_anywhere_is_refused_in_one_line(tmp_path):
    rng = np.random.default_rng(0)
    model = {"weightsManifest": [{"paths": ["shard"], "weights": [{"name": "conv1/bias", "shape": [2]}]}]}
    # Few different bytes, so that gzip compresses and the decompressor can fail.
    members = {"model.json": json.dumps(model).encode(), "shard": rng.integers(0, 8, 100_000, np.uint8).tobytes()}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/ResNet50/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path = tmp_path / "p.tgz"
    for _ in range(200):
        corrupt = bytearray(file.getvalue())
        corrupt[rng.integers(len(corrupt))] ^= rng.integers(1, 256)
        path.write_bytes(corrupt)
        with pytest.raises(WeightsError) as caught:
            tfjs.read_package(path)
        assert "\n" not in str(caught.value)


def test_cache_that_cannot_be_locked_is_an_error_in_one_line(home):
    # As on a read-only file system or in another user's directory, but also for root.
    cache_file().with_suffix(".lock").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"no directory for the weights.*--weights") as caught:
        find_weights()
    assert "\n" not in str(caught.value)


def test_keras_cache_that_cannot_be_read_is_skipped(home, monkeypatch):
    from live_cam.models.weights.find import find_local

    monkeypatch.setenv("KERAS_HOME", str(home / ("x" * 300)))
    assert find_local() is None


def test_next_download_removes_what_a_killed_one_left(home, server, monkeypatch):
    server.responses["/weights.h5"] = CONTENT
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", CONTENT_MD5)
    code = (
        "import os, signal, sys; from live_cam.models.weights import download, find\n"
        "download.URL, download.MD5 = sys.argv[1:]\n"
        "class Kill:\n"
        "    def __init__(self, title): pass\n"
        "    def __enter__(self): return lambda received, total: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    def __exit__(self, *_): pass\n"
        "find.find_weights(progress=Kill)"
    )
    killed = subprocess.run([sys.executable, "-c", code, download.URL, CONTENT_MD5], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert find_weights().origin == "keras-download"
    assert os.listdir(download.keras_cache_file().parent) == [download.FILE_NAME]
