"""Downloading Keras's weight file."""

import contextlib
import gc
import hashlib
import os
import socket
import threading

import pytest

from live_cam.errors import WeightsError
from live_cam.models.weights import download

CONTENT = bytes(range(256)) * 4000
CONTENT_MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def no_progress(_had, _total):
    pass


@pytest.fixture
def raw_server():
    """Starts a server that passes its connection to a function: `raw_server(talk)`; returns its URL."""
    ended = threading.Event()
    threads = []

    def start(talk):
        listening = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listening, listening.accept()[0] as connection, contextlib.suppress(ConnectionError):
                talk(connection, ended)  # until the client hangs up

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/file"

    yield start
    ended.set()
    for thread in threads:
        thread.join()


def respond(head: bytes, body: bytes = b""):
    """Responds with these bytes, and closes the connection."""

    def talk(connection, _ended):
        connection.recv(65536)
        connection.sendall(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)

    return talk


def assert_refused(url, path, reason, md5=CONTENT_MD5):
    """Asserts that the download fails with a reason in one line, and leaves nothing behind."""
    with pytest.raises(WeightsError, match=reason) as caught:
        download.download(url, path, md5, no_progress)
    assert "\n" not in str(caught.value)
    assert os.listdir(path.parent) == []
    del caught
    # A socket left open fails the test here, and not whichever test the collector runs in next.
    gc.collect()


def test_file_is_downloaded_and_verified(server, tmp_path):
    server.responses["/file"] = CONTENT
    reports = []
    path = tmp_path / "new" / "folder" / "weights.h5"
    download.download(server.url("/file"), path, CONTENT_MD5, lambda had, total: reports.append((had, total)))
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["weights.h5"]
    assert reports == sorted(reports)
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_file_without_content_length_is_downloaded(raw_server, tmp_path):
    url = raw_server(respond(b"HTTP/1.0 200 OK", CONTENT))
    download.download(url, tmp_path / "file", CONTENT_MD5, no_progress)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_other_file_is_refused(server, tmp_path):
    # Such as the login page of a hotel's network.
    server.responses["/file"] = b"<html>Please log in</html>"
    assert_refused(server.url("/file"), tmp_path / "file", "MD5 differs")


def test_other_file_does_not_replace_a_good_one(server, tmp_path):
    server.responses["/file"] = b"other"
    (tmp_path / "file").write_bytes(CONTENT)
    with pytest.raises(WeightsError):
        download.download(server.url("/file"), tmp_path / "file", CONTENT_MD5, no_progress)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file"]


def test_truncated_body_is_refused(raw_server, tmp_path):
    head = f"HTTP/1.0 200 OK\nContent-Length: {len(CONTENT)}".encode()
    assert_refused(raw_server(respond(head, CONTENT[:-1])), tmp_path / "file", "download from Keras failed")


def test_refused_connection_is_an_error(closed_url, tmp_path):
    assert_refused(closed_url, tmp_path / "file", "[Rr]efused")


def test_closed_connection_is_an_error(raw_server, tmp_path):
    assert_refused(
        raw_server(lambda connection, _ended: connection.recv(65536)), tmp_path / "file", "download from Keras failed"
    )


def silent(_connection, ended):
    """Accepts, and never responds, like a firewall that drops packets."""
    ended.wait()


def headers_one_by_one(connection, ended):
    """Sends often enough for each read of the socket to end in time, and never sends everything."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\n")
    # Fewer than the hundred that the client would refuse.
    for _ in range(90):
        if ended.wait(0.1):
            return
        connection.sendall(b"X-Wait: 1\r\n")


def half_a_body(connection, ended):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    ended.wait()


@pytest.mark.parametrize("talk", [silent, headers_one_by_one, half_a_body])
def test_slow_server_is_an_error_after_a_time_limit(talk, raw_server, tmp_path, monkeypatch):
    assert download._RESPONSE_LIMIT_S <= 10.0
    monkeypatch.setattr(download, "_RESPONSE_LIMIT_S", 0.4)  # without it, the test would not end
    assert_refused(raw_server(talk), tmp_path / "file", "no response|timed out")


def test_keras_file_is_verified_by_its_digest(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    download.verify_keras_file(path, CONTENT_MD5)
    with pytest.raises(WeightsError, match=r"file is not the file that Keras publishes.*remove it"):
        download.verify_keras_file(path)


def test_keras_cache_follows_keras_home(tmp_path, monkeypatch):
    name = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "elsewhere"))
    assert download.keras_cache_file() == tmp_path / "elsewhere" / "models" / name
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.keras_cache_file() == tmp_path / ".keras" / "models" / name


def test_missing_file_is_an_error(raw_server, tmp_path):
    assert_refused(raw_server(respond(b"HTTP/1.0 404 Not Found", b"gone")), tmp_path / "file", "404")


def test_other_protocol_is_an_error(raw_server, tmp_path):
    assert_refused(raw_server(respond(b"220 mail.example.org ESMTP")), tmp_path / "file", "download from Keras failed")
