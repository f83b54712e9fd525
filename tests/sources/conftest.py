"""Fixtures that the tests of several sources share."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.sources.http_camera import Camera


@pytest.fixture
def logged_warnings(caplog):
    """The warnings logged so far: `logged_warnings()`."""
    caplog.set_level(logging.WARNING, logger="live_cam")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def run():
    """Runs a server of `socketserver` until the test ends, and returns it: `run(HttpServer())`."""
    running = []

    def start(server):
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve(run):
    """Runs a camera until the test ends: `serve(respond)`."""
    return lambda respond, host="127.0.0.1": run(Camera(respond, host))
