"""A real server on a free port of loopback, in front of a session with or without a real network."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from live_cam.explain.npm import find_npm, install_npm
from live_cam.pipeline.recording import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.server import LiveServer, bind, build_app

# For a test that fails, so far above what a loaded machine needs.
expect.set_options(timeout=15_000)

# Whether the scripts that heed presses and keys are there: each is loaded by itself, beside the first picture.
MOUNTED = """() => {
  const all = (parts, holds) => [...document.querySelectorAll(parts)].every(holds);
  const pressed = [".live-class"];
  const outsideKiosks = ["snapshot", "link", "keys"].map((name) => `[data-live="${name}"]`);
  if (!document.querySelector(".live-kiosk")) pressed.push(...outsideKiosks);
  return pressed.every((parts) => document.querySelector(parts))
    && all([...pressed, '[data-live="record"]'].join(), (part) => part.onclick)
    && all(".live-top", (part) => part.querySelector("button"))
    && all(".live-occlusion", (part) => part.querySelector("svg"))
    && "method" in document.body.dataset;
}"""

# Gradio builds what is in a fold when that is first opened, and gives it its values once more with the next frame of
# the screen, which takes back what a robot has turned by then. Two more frames are to spare.
SETTLED = """async () => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""


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
def serve_session(tmp_path) -> Iterator[Callable[..., Site]]:
    """Serves a session: `serve_session(source, explainer, host=..., token=None, ..., most_visitors=0)`.

    Give one source, or a list of them, or an empty one for visitors. `wrap` is an ASGI middleware put in front of it
    all, as a proxy would be. Recordings go into `tmp_path`, unless `recordings` names another folder. Without `port` it
    takes a free one.
    """
    stops = []

    def serve(
        source,
        explainer,
        host="127.0.0.1",
        token=None,
        extra_hosts=(),
        wrap=lambda app: app,
        most_visitors=0,
        camera=CameraOptions(),  # noqa: B008 (frozen)
        recordings=tmp_path,
        kiosk=False,
        port=0,
    ):
        listener = bind("127.0.0.1", port)
        sources = source if isinstance(source, list) else [source]
        session = Session(sources, explainer, most_visitors, RecordingOptions(recordings))
        server = LiveServer(wrap(build_app(session, host, token, extra_hosts, camera, kiosk)), session)
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


class LiveCam:
    """A `live-cam` process of its own.

    Attributes:
        url, port: Where its page is.
    """

    def __init__(self, *words: object, port: int | None = None, scheme: str = "http", shows: bool = True) -> None:
        self.port = port or _free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}/"
        command = [sys.executable, "-m", "live_cam", *map(str, words), "--no-open", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline_s = time.monotonic() + 240
        while (told := self.stats()) is None or (shows and told["frames"]["explained"] == 0):
            assert self.process.poll() is None, "live-cam ended by itself"
            assert time.monotonic() < deadline_s, "live-cam explained nothing"
            time.sleep(0.2)

    def stats(self) -> dict[str, Any] | None:
        """Gives what `/stats` tells, or None while nobody answers."""
        try:
            return httpx.get(f"{self.url}stats", verify=False, timeout=15).json()
        except httpx.TransportError:
            return None

    def stop(self, how: int = signal.SIGINT) -> float:
        """Stops it as a person would, and gives the seconds that took."""
        begin_s = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(20) == 0
        return time.monotonic() - begin_s


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def start_live_cam() -> Iterator[Callable[..., LiveCam]]:
    """Starts the program: `start_live_cam("demo", port=None, scheme="http", shows=True)`, once it shows something."""
    started = []

    def start(*words: object, **options: Any) -> LiveCam:
        started.append(LiveCam(*words, **options))
        return started[-1]

    yield start
    for live_cam in started:
        live_cam.process.kill()
        live_cam.process.wait()


@pytest.fixture(scope="session")
def launch_chromium() -> Callable[..., Any]:
    """Launches a real browser for the length of a `with` statement: `launch_chromium(*arguments)`."""

    @contextmanager
    def launch(*arguments: str) -> Iterator[Browser]:
        executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert executable, "no Chromium on this machine; ./scripts/test installs one"
        usual = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
        if os.name == "posix" and os.geteuid() == 0:
            usual.append("--no-sandbox")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=[*usual, *arguments])
            yield browser
            browser.close()

    return launch


@pytest.fixture(scope="module")
def chromium(launch_chromium):
    """A real browser."""
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(params=[{"width": 1280, "height": 800}, {"width": 390, "height": 844}], ids=["desktop", "phone"])
def size(request):
    """The size of the page, in CSS pixels: a desktop's and then a phone's."""
    return request.param


@pytest.fixture
def open_page(chromium, size):
    """Opens a page and waits until it shows a picture and heeds presses and keys: `open_page(url, sockets_pass=True)`.

    The test fails when the page had errors or asked the internet.
    """
    contexts, faults = [], []

    def open_(url: str, sockets_pass: bool = True) -> Page:
        contexts.append(chromium.new_context(viewport=size))
        page = contexts[-1].new_page()
        if not sockets_pass:
            page.route_web_socket("**/frames*", lambda route: route.close())
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request", lambda request: request.url.startswith((url, "data:", "blob:")) or faults.append(request.url)
        )
        page.goto(url)
        page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
        page.wait_for_function(MOUNTED, timeout=20_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="session")
def unfold() -> Callable[..., None]:
    """Unfolds controls that are folded: `unfold(page, "ask", "look")`."""

    def unfold_(page: Page, *folds: str) -> None:
        for fold in folds:
            page.locator(f"#live-{fold} > button").click()
            page.locator(f"#live-{fold} input").first.wait_for()
        page.evaluate(SETTLED)

    return unfold_


@pytest.fixture(scope="session")
def pick() -> Callable[[Page, str, str], None]:
    """Searches and takes a value in an unfolded list of them: `pick(page, "live-target", "teapot")`."""

    def pick_(page: Page, elem_id: str, label: str) -> None:
        field = page.locator(f"#{elem_id} input")
        field.click()
        field.press("ControlOrMeta+a")
        field.press_sequentially(label)
        page.get_by_role("option", name=label, exact=True).click()

    return pick_


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory) -> Path:
    """A folder with what `tests/web/javascript/package-lock.json` names, fetched with the real npm."""
    folder = tmp_path_factory.mktemp("node") / "javascript"
    shutil.copytree(Path(__file__).with_name("javascript"), folder)
    npm = find_npm() or install_npm()
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    environment = {**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, f"npm could not fetch what checks the page's JavaScript:\n{result.stderr}"
    return folder
