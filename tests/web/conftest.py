"""Servers in front of fake cameras, and a real Chromium, shared by all tests of a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page

from tests.processes import LiveCam, is_free
from tests.web.browser import DESKTOP, Size, Tabs, launch, wait_until_mounted
from tests.web.sites import SharedSites, Site

KEEPS_PAGE = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def shared_sites(tmp_path_factory) -> Iterator[SharedSites]:
    sites = SharedSites(tmp_path_factory.mktemp("recordings"))
    yield sites
    sites.stop()


@pytest.fixture
def site(shared_sites) -> Site:
    """A site on loopback without a token that shows a fake camera, already live."""
    return shared_sites.get("camera")


@pytest.fixture
def two_cameras(shared_sites) -> Site:
    """A site that shows two cameras, "Front door" and "Back door", whose frames are 64x48 and 80x30."""
    return shared_sites.get("two cameras")


@pytest.fixture
def visitors(shared_sites) -> Site:
    """A site for up to three visitors."""
    return shared_sites.get("visitors")


@pytest.fixture
def kiosk(shared_sites) -> Site:
    """A site in kiosk mode."""
    return shared_sites.get("kiosk")


@pytest.fixture
def guarded(shared_sites) -> Site:
    """A site that listens as if on the network, where `TOKEN` is required; it is also called cam.example."""
    return shared_sites.get("guarded")


@pytest.fixture
def server_errors(monkeypatch) -> list[str]:
    """The errors that servers log, such as that tasks were cancelled at the end."""
    errors: list[str] = []
    # Not a handler: each server configures its logging anew.
    logger = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(logger, "error", lambda message, *args: errors.append(message % args))
    return errors


@pytest.fixture(scope="session")
def used_ports() -> set[int]:
    """The ports of earlier sites: a browser has the scripts of their pages in its cache."""
    return set()


@pytest.fixture
def serve_session(tmp_path, used_ports) -> Iterator[Callable[..., Site]]:
    """Starts a site of its own for a test: `serve_session(source, explainer, token=None, ...)`; see `Site`.

    Pass one source, or a list of them, or an empty list for visitors. Recordings go into `tmp_path`, unless
    `recordings` names another directory.
    """
    started: list[Site] = []

    def serve(source: Any, explainer: Any, recordings: Path = tmp_path, **options: Any) -> Site:
        options.setdefault("port", next(filter(is_free, used_ports), 0))
        started.append(Site(source if isinstance(source, list) else [source], explainer, recordings, **options))
        used_ports.add(started[-1].port)
        return started[-1]

    yield serve
    for site in started:
        site.stop()


@pytest.fixture
def start_live_cam() -> Iterator[Callable[..., LiveCam]]:
    """Starts the program: `start_live_cam("demo", port=None, scheme="http", explains=True)`; see `LiveCam`."""
    started: list[LiveCam] = []

    def start(*args: object, **options: Any) -> LiveCam:
        started.append(LiveCam(*args, **options))
        return started[-1]

    yield start
    for live_cam in started:
        live_cam.kill()


@pytest.fixture(scope="session")
def chromium(playwright, gradio_media, tmp_path_factory):
    """A Chromium whose camera shows a lion, with the noise that every sensor has."""
    lion = cv2.resize(cv2.imread(str(gradio_media / "images" / "lion.jpg")), (640, 480))
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("webcam") / "lion.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        for _ in range(10):
            noisy = np.clip(lion.astype(np.int16) + random.integers(-3, 4, lion.shape), 0, 255).astype(np.uint8)
            file.write(b"FRAME\n" + cv2.cvtColor(noisy, cv2.COLOR_BGR2YUV_I420).tobytes())
    with launch(
        playwright, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}"
    ) as browser:
        yield browser


@pytest.fixture(scope="session")
def warm_tabs(chromium) -> Tabs:
    return Tabs(chromium)


@pytest.fixture(scope="session")
def warm_tabs_with_a_clock(chromium) -> Tabs:
    return Tabs(chromium, clock=True)


@pytest.fixture(scope="session")
def warm_tabs_with_two_cameras(playwright) -> Iterator[Tabs]:
    with launch(playwright, "--use-fake-device-for-media-stream=device-count=2") as browser:
        yield Tabs(browser)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Notes whether a page may stay open: no test without pages is to count its viewers."""
    item.stash[KEEPS_PAGE] = "open_page" in getattr(nextitem, "fixturenames", ())


@pytest.fixture
def tabs(request, warm_tabs) -> Iterator[Tabs]:
    """Tabs that are closed after the test, which fails if a page had errors or requested what it should not."""
    yield warm_tabs
    assert warm_tabs.close(keeps_one=request.node.stash.get(KEEPS_PAGE, False)) == []


@pytest.fixture
def clock_tabs(warm_tabs_with_a_clock) -> Iterator[Tabs]:
    """As `tabs`, with a clock that the test controls."""
    yield warm_tabs_with_a_clock
    assert warm_tabs_with_a_clock.close() == []


@pytest.fixture
def two_camera_tabs(warm_tabs_with_two_cameras) -> Iterator[Tabs]:
    """As `tabs`, of a browser with two cameras."""
    yield warm_tabs_with_two_cameras
    assert warm_tabs_with_two_cameras.close() == []


@pytest.fixture
def size() -> Size:
    """The size of pages, in CSS pixels: a desktop's, except in tests marked with `both_sizes` or `phone`."""
    return DESKTOP


@pytest.fixture
def open_page(tabs, size, shared_sites) -> Callable[..., Page]:
    """Opens a page and waits until it shows a frame and handles presses and keys: `open_page(url, ...)`; see `Tabs`.

    A page of a shared site may be that of an earlier test, in its initial state.
    """

    def open_(url: str, **options: Any) -> Page:
        if not options and (page := tabs.resume(url, size)):
            return page
        page = wait_until_mounted(tabs.open(url, size, **options))
        if not options and shared_sites.is_initial(url):
            tabs.note_initial(page, size)
        return page

    return open_


@pytest.fixture
def requests_of() -> Iterator[Callable[[Page, str], list[str]]]:
    """Collects the URLs that a page requests from now on: `urls = requests_of(page, "top.jpg")`."""
    watched: list[tuple[Page, Callable[..., None]]] = []

    def watch(page: Page, fragment: str) -> list[str]:
        urls: list[str] = []

        def note(request: Any) -> None:
            if fragment in request.url:
                urls.append(request.url)

        page.on("request", note)
        watched.append((page, note))
        return urls

    yield watch
    for page, note in watched:
        page.remove_listener("request", note)
