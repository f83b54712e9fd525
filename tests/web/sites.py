"""Real servers in this process, in front of sessions with fake cameras and a fake explainer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from live_cam.clock import MONOTONIC, Clock
from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.app import LiveApp
from live_cam.web.listener import bind
from live_cam.web.security.certificate import Certificate
from live_cam.web.security.limits import Connections, Limits
from live_cam.web.server import LiveServer
from tests.conftest import LION, FakeExplainer, FakeSource

# For a test that fails, so far above what a busy machine needs.
_LIMIT_S = 30.0
_POLL_S = 0.005
# Of the shared sites: few frames for a browser to paint, many for who waits for the next.
_RATE_FPS = 5.0
_RESET_INTERVAL_S = 0.01
TOKEN = "open-sesame-now"


class Site:
    """A running server.

    Attributes:
        url: Its address, with a slash at the end.
        port: Its port on 127.0.0.1.
        session, sources, explainer: What it serves.
        app: By what it serves them.
        recordings: The directory of its recordings.
        http: A client whose paths are relative to `url`; it keeps no cookies.
    """

    def __init__(
        self,
        sources: Sequence[Any],
        explainer: Any,
        recordings: Path,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        extra_hosts: Collection[str] = (),
        wrap: Callable[[Any], Any] = lambda app: app,
        max_visitors: int = 0,
        camera: CameraOptions = CameraOptions(),
        kiosk: bool = False,
        is_recorded: bool = False,
        port: int = 0,
        clock: Clock = MONOTONIC,
        certificate: Certificate | None = None,
        limits: Limits | None = None,
        second: Any = None,
        loads_page: bool = True,
        taught_labels: Sequence[str] = (),
    ) -> None:
        """Starts it on 127.0.0.1; `wrap` is an ASGI middleware in front of all, as a proxy would be.

        Unless it `loads_page`, it has the first page alone, until `app.load_page()`.
        """
        self._listener = bind("127.0.0.1", port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/"
        self.sources, self.explainer, self.recordings = list(sources), explainer, recordings
        options = RecordingOptions(recordings)
        self.session = Session(
            self.sources, explainer, max_visitors, options, clock, second, taught_labels=taught_labels
        )
        self.app = LiveApp(self.session, host, token, extra_hosts, camera, kiosk, is_recorded)
        if loads_page:
            self.app.load_page()
        self._server = LiveServer(wrap(self.app), self.session, certificate, limits)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, name="server")
        self._stopped = False
        self.http = httpx.Client(
            base_url=self.url, timeout=30, verify=False, event_hooks={"response": [self._drop_cookies]}
        )
        self.session.__enter__()
        self._thread.start()

    def _drop_cookies(self, _response: httpx.Response) -> None:
        self.http.cookies.clear()

    @property
    def source(self) -> Any:
        """The only source."""
        (source,) = self.sources
        return source

    @property
    def connections(self) -> Connections:
        """The connections to it, with their limits."""
        return self._server.connections

    @property
    def settings(self) -> Any:
        """The current settings."""
        return self.session.settings.current

    def wait_until_live(self, target: int | None = None) -> Site:
        """Waits until each feed shows a frame captured from now on, with an explanation of `target` if it is given."""
        since_ns = time.monotonic_ns()

        def live() -> bool:
            shown = [feed.broadcaster.newest for feed in self.session.feeds]
            return not self.session.unhealthy_reason and all(
                each and each.pts_ns >= since_ns and target in (None, each.explanation.target.index) for each in shown
            )

        _wait_until(live)
        return self

    def block_source(self, number: int = 0) -> None:
        """Has a source deliver no more frames, and waits until those it has delivered are explained or dropped."""
        source, metrics = self.sources[number], self.session.feeds[number].metrics
        source.block()

        def is_quiet() -> bool:
            read = metrics.read()
            return source.is_blocked and read.captured == read.explained + read.dropped

        _wait_until(is_quiet)

    def stop(self) -> None:
        """Stops it as SIGTERM does; does nothing the second time."""
        if self._stopped:
            return
        self._stopped = True
        self._server.handle_exit(signal.SIGTERM, None)
        self._thread.join(_LIMIT_S)
        assert not self._thread.is_alive(), "the server does not end"
        self.session.__exit__()
        self._listener.close()
        self.http.close()


class SharedSites:
    """The sites that tests share: each is started when first used, and all but the one in use are paused."""

    def __init__(self, recordings: Path) -> None:
        self._recordings = recordings
        self._sites: dict[str, Site] = {}

    def get(self, kind: str) -> Site:
        """Returns a site in its initial state: `camera`, `two cameras`, `visitors`, `kiosk` or `guarded`."""
        for other, site in self._sites.items():
            if other != kind:
                site.session.settings.change(running=False)
        if kind in self._sites:
            _reset(self._sites[kind], _sources(kind))
        else:
            self._sites[kind] = Site(_sources(kind), FakeExplainer(), self._recordings / kind, **_OPTIONS.get(kind, {}))
        site = self._sites[kind].wait_until_live()
        for source in site.sources:
            source.interval_s = 1.0 / _RATE_FPS
        return site

    def is_initial(self, url: str) -> bool:
        """Whether this is the address of a shared site that has the settings with which it started."""
        return any(site.url == url and site.settings == site.session.settings.initial for site in self._sites.values())

    def stop(self) -> None:
        """Stops all."""
        for site in self._sites.values():
            site.stop()


_OPTIONS: dict[str, dict[str, Any]] = {
    "visitors": {"max_visitors": 3},
    "kiosk": {"kiosk": True},
    "guarded": {"host": "0.0.0.0", "token": TOKEN, "extra_hosts": ["cam.example"]},
}


def _sources(kind: str) -> list[FakeSource]:
    if kind == "two cameras":
        return [FakeSource("Front door"), FakeSource("Back door", size_px=(80, 30))]
    return [] if kind == "visitors" else [FakeSource()]


def _reset(site: Site, fresh: Sequence[FakeSource]) -> None:
    """Undoes what a test has done to a site."""
    session = site.session
    session.recordings.stop()
    _wait_until(lambda: (status := session.recordings.status) is None or status.state not in ("recording", "finishing"))
    session.recordings._recorders = []
    site.explainer.end()
    site.explainer.__dict__ = FakeExplainer().__dict__
    for source, new in zip(site.sources, fresh, strict=True):
        source.release()
        state = vars(new).copy()
        for kept in ("open_count", "_flowing"):
            state.pop(kept)
        vars(source).update(state)
        source.interval_s = _RESET_INTERVAL_S
    initial = asdict(session.settings.initial)
    # The fake's top class is always the one it explained last.
    session.settings.change(**initial | {"target": LION})
    site.wait_until_live(LION)
    session.settings.change(**initial)
    if session.visitors is not None:
        _wait_until(lambda: not session.visitors.feeds)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "the site is not back in its initial state"
        time.sleep(_POLL_S)
