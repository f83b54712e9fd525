"""A real server on a free port of loopback, in front of a session with or without a real network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from live_cam.pipeline.session import Session
from live_cam.web.server import LiveServer, bind, build_app


@dataclass
class Site:
    """A running server.

    Attributes:
        url: Its address, with a slash at the end.
        port: Its port on 127.0.0.1.
        session: What it serves.
        stop: Stops it as SIGTERM would and gives the seconds that took.
    """

    url: str
    port: int
    session: Any
    stop: Callable[[], float]


@pytest.fixture
def serve_session() -> Iterator[Callable[..., Site]]:
    """Serves a session: `serve_session(source, explainer, host=..., token=None, extra_hosts=(), wrap=None)`.

    `wrap` is an ASGI middleware put in front of it all, as a proxy would be.
    """
    stops = []

    def serve(source, explainer, host="127.0.0.1", token=None, extra_hosts=(), wrap=lambda app: app):
        listener = bind("127.0.0.1", 0)
        session = Session(source, explainer)
        server = LiveServer(wrap(build_app(session, host, token, extra_hosts)), session)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server")
        session.__enter__()
        thread.start()
        stopped = threading.Event()

        def stop() -> float:
            begin_s = time.monotonic()
            if not stopped.is_set():
                stopped.set()
                server.handle_exit(15, None)
                thread.join(10)
                session.__exit__()
                listener.close()
            return time.monotonic() - begin_s

        stops.append(stop)
        port = listener.getsockname()[1]
        return Site(f"http://127.0.0.1:{port}/", port, session, stop)

    yield serve
    for stop in stops:
        stop()


@pytest.fixture
def site(serve_session, fake_source, fake_explainer, eventually) -> Site:
    """A site on loopback without a token that shows a fake camera, already live."""
    running = serve_session(fake_source(), fake_explainer())
    eventually(lambda: _answers(running.url))
    return running


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}snapshot.jpg").status_code == 200
    except httpx.TransportError:
        return False
