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
def serve():
    """Runs a camera until the test ends: `serve(respond)`."""
    running = []

    def start(respond, host="127.0.0.1"):
        camera = Camera(respond, host)
        thread = threading.Thread(target=camera.serve_forever, args=(0.01,))
        thread.start()
        running.append((camera, thread))
        return camera

    yield start
    for camera, thread in running:
        camera.shutdown()
        thread.join()
        camera.server_close()
