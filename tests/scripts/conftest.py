"""A server in this process, for scripts that only need its address."""

from __future__ import annotations

import threading

import pytest

from live_cam.pipeline.session import Session
from live_cam.sources.demo import DemoSource
from live_cam.web.app import LiveApp
from live_cam.web.listener import bind
from live_cam.web.server import LiveServer


@pytest.fixture
def address(fake_explainer):
    """The address of a server that shows the demo."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with Session([DemoSource()], fake_explainer(0.01)) as session:
        app = LiveApp(session, "127.0.0.1", None)
        server = LiveServer(app, session)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"127.0.0.1:{port}"
        server.should_exit = True
        session.request_stop()
        thread.join()
