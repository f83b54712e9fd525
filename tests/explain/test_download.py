import gc
import hashlib
import os
import socket
import threading
import time

import pytest

from live_cam.errors import WeightsError
from live_cam.explain import download

CONTENT = bytes(range(256)) * 4000
CONTENT_MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def no_progress(_had, _total):
    pass


@pytest.fixture
def raw_server():
    """Hands each connection to a function that speaks for the server, or does not."""
    ended = threading.Event()
    threads = []

    def start(talk):
        listening = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listening, listening.accept()[0] as connection:
                talk(connection, ended)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/file"

    yield start
    ended.set()
    for thread in threads:
        thread.join()


def answer(head: bytes, body: bytes = b""):
    """Answers the request with these bytes, and hangs up."""

    def talk(connection, _ended):
        connection.recv(65536)
        connection.sendall(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)

    return talk


def refused(url, path, why, md5=CONTENT_MD5):
    """Asserts that the download fails in one line that tells why, and leaves nothing behind."""
    with pytest.raises(WeightsError, match=why) as caught:
        download.download(url, path, md5, no_progress)
    assert "\n" not in str(caught.value)
    assert os.listdir(path.parent) == []
    del caught
    # A socket left open fails the test here, and not whichever test the collector runs in next.
    gc.collect()


def test_a_file_is_downloaded_verified_and_put_in_its_place(server, tmp_path):
    server.answers["/file"] = CONTENT
    reports = []
    path = tmp_path / "new" / "folder" / "weights.h5"
    download.download(server.url("/file"), path, CONTENT_MD5, lambda had, total: reports.append((had, total)))
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["weights.h5"]
    assert reports == sorted(reports)
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_whose_size_the_server_keeps_to_itself_is_downloaded_too(raw_server, tmp_path):
    url = raw_server(answer(b"HTTP/1.0 200 OK", CONTENT))
    download.download(url, tmp_path / "file", CONTENT_MD5, no_progress)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_file_than_expected_is_refused(server, tmp_path):
    # As the login page of a hotel's network is.
    server.answers["/file"] = b"<html>Please log in</html>"
    refused(server.url("/file"), tmp_path / "file", "MD5 differs")


def test_another_file_than_expected_does_not_replace_a_good_one(server, tmp_path):
    server.answers["/file"] = b"other"
    (tmp_path / "file").write_bytes(CONTENT)
    with pytest.raises(WeightsError):
        download.download(server.url("/file"), tmp_path / "file", CONTENT_MD5, no_progress)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file"]


def test_a_body_that_ends_too_soon_is_refused(raw_server, tmp_path):
    head = f"HTTP/1.0 200 OK\nContent-Length: {len(CONTENT)}".encode()
    refused(raw_server(answer(head, CONTENT[:-1])), tmp_path / "file", "download failed")


def test_a_refused_connection_is_named_so(closed_url, tmp_path):
    refused(closed_url, tmp_path / "file", "[Rr]efused")


def test_a_server_that_hangs_up_is_a_failure(raw_server, tmp_path):
    refused(raw_server(lambda connection, _ended: connection.recv(65536)), tmp_path / "file", "download failed")


def silent(_connection, ended):
    """Accepts, and never says a word: a firewall that drops packets looks so."""
    ended.wait()


def headers_one_by_one(connection, ended):
    """Says something often enough for each read of the socket to end in time, and never says all."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\n")
    # Fewer than the hundred that the client would refuse, and more than anybody should wait for.
    for _ in range(90):
        if ended.wait(0.1):
            return
        connection.sendall(b"X-Wait: 1\r\n")


def half_a_body(connection, ended):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    ended.wait()


@pytest.mark.parametrize("talk", [silent, headers_one_by_one, half_a_body])
def test_a_server_that_keeps_us_waiting_is_given_up_within_seconds(talk, raw_server, tmp_path, monkeypatch):
    assert download._ANSWER_LIMIT_S <= 10.0
    monkeypatch.setattr(download, "_ANSWER_LIMIT_S", 0.4)
    before_s = time.monotonic()
    refused(raw_server(talk), tmp_path / "file", "no answer|timed out")
    # Far more than it takes, for a busy machine; without the limit it would be for ever.
    assert time.monotonic() - before_s < 10.0


def test_the_file_that_keras_publishes_is_known_by_its_digest(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    download.verify_keras_file(path, CONTENT_MD5)
    with pytest.raises(WeightsError, match=r"file is not the file that Keras publishes.*remove it"):
        download.verify_keras_file(path)


def test_keras_is_believed_about_where_it_keeps_its_files(tmp_path, monkeypatch):
    name = "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "elsewhere"))
    assert download.keras_cache_file() == tmp_path / "elsewhere" / "models" / name
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.keras_cache_file() == tmp_path / ".keras" / "models" / name


def test_a_file_that_is_gone_is_named_so(raw_server, tmp_path):
    refused(raw_server(answer(b"HTTP/1.0 404 Not Found", b"gone")), tmp_path / "file", "404")


def test_a_server_that_speaks_something_else_is_told_in_one_line(raw_server, tmp_path):
    refused(raw_server(answer(b"220 mail.example.org ESMTP")), tmp_path / "file", "download failed")
