"""A real Chromium with warm tabs, and what a person does on the page."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.web.initial_state import PageState, describe, restore

# For a test that fails, so far above what a busy machine needs.
LIMIT_MS = 30_000
expect.set_options(timeout=LIMIT_MS)

# The first is Chromium without its windows and menus, with which a page loads in two thirds of the CPU time.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

Size = ViewportSize
DESKTOP: Size = {"width": 1280, "height": 800}
PHONE: Size = {"width": 390, "height": 844}
both_sizes = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
phone = pytest.mark.parametrize("size", [PHONE], ids=["phone"])

# Whether Gradio's page has taken the place of the first. A function, as Playwright looks for a locator twice a second.
WHOLE = """() => document.querySelector("gradio-app:not([inert]) .live-stage")"""

# Whether the scripts that handle presses and keys are there: each is loaded by itself, beside the first frame.
MOUNTED = """() => {
  const all = (parts, holds) => [...document.querySelectorAll(parts)].every(holds);
  const pressed = [".live-class"];
  const outsideKiosks = ["snapshot", "link", "keys", "freeze"].map((name) => `[data-live="${name}"]`);
  if (!document.querySelector(".live-kiosk")) pressed.push(...outsideKiosks);
  return pressed.every((parts) => document.querySelector(parts))
    && all([...pressed, '[data-live="record"]'].join(), (part) => part.onclick)
    && all('[data-live="teach"]', (part) => "keys" in part.dataset)
    && all(".live-top", (part) => part.querySelector("button"))
    && all(".live-occlusion", (part) => part.querySelector("svg"))
    && "method" in document.body.dataset;
}"""

# The default colours of the heat map run over green, which neither lion nor cheetah is.
GREENNESS = """([from, to]) => {
  const canvas = document.querySelector(".live-stage canvas");
  const left = Math.round(from * canvas.width), width = Math.round((to - from) * canvas.width);
  const { data } = canvas.getContext("2d").getImageData(left, 0, width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += Math.max(0, data[i + 1] - data[i]);
  return sum / (data.length / 4);
}"""

FILTERED = """(label) => {
  const options = [...document.querySelectorAll("[role=option]")];
  return options.length && options.every((option) => option.innerText.toLowerCase().includes(label.toLowerCase()));
}"""

# Gradio builds what is in an accordion when that is first opened, and sets its values once more with the next animation
# frame, which takes back what a test has changed by then. Two more frames are to spare.
SETTLED = """async () => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""


def start_playwright(config: pytest.Config) -> Iterator[Playwright]:
    """Runs Playwright, without its event loop being in the way of tests that run one of their own."""
    with sync_playwright() as playwright:
        hidden = _HiddenLoop()
        config.pluginmanager.register(hidden)
        yield playwright
        config.pluginmanager.unregister(hidden)


class _HiddenLoop:
    """Hides Playwright's running loop from tests without a browser: `asyncio.run` refuses to run beside another."""

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Iterator[None]:
        loop = asyncio._get_running_loop()
        if loop is None or "playwright" in pyfuncitem.fixturenames:
            return (yield)
        asyncio._set_running_loop(None)
        try:
            return (yield)
        finally:
            asyncio._set_running_loop(loop)


@contextmanager
def launch(playwright: Playwright, *args: str) -> Iterator[Browser]:
    """Launches a Chromium whose cameras are fake, and whose user grants them to any page that asks."""
    executable = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assert executable, "no Chromium on this machine; ./scripts/test installs one"
    usual = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    # Without windows there is nobody to ask.
    usual.append("--use-fake-ui-for-media-stream")
    # One process for the pages of all ports, and none that only draws: less to start, and less to copy between them.
    usual += ["--process-per-site", "--in-process-gpu"]
    # No page lives long enough for what V8 spends on optimizing to come back.
    usual.append("--js-flags=--no-opt")
    if os.name == "posix" and os.geteuid() == 0:
        usual.append("--no-sandbox")
    browser = playwright.chromium.launch(executable_path=executable, args=[*usual, *args])
    yield browser
    browser.close()


class Tabs:
    """Tabs of one browser, used again: a page loads in a third of the time where one was loaded before."""

    def __init__(self, browser: Browser, clock: bool = False) -> None:
        """Prepares tabs, whose timers obey `page.clock` if `clock` is set."""
        self._has_clock = clock
        self._context = browser.new_context(ignore_https_errors=True)
        self._context.set_default_timeout(LIMIT_MS)
        if clock:
            self._context.clock.install()
        self._free: list[Page] = []
        self._taken: list[tuple[Page, bool]] = []
        self._faults: list[str] = []
        self._bases: dict[Page, str] = {}
        # A page that stays open for the next test, and what pages of an address and a width are like initially.
        self._kept: Page | None = None
        self._initial: dict[tuple[str, int], PageState] = {}

    def resume(self, url: str, size: Size) -> Page | None:
        """Returns the page that was kept open, if it has this address and is as it was when it was loaded."""
        page, initial = self._kept, self._initial.get((url, size["width"]))
        if page is None or page.url != url or initial is None:
            return None
        page.set_viewport_size(size)
        if not restore(page, initial):
            return None
        self._kept = None
        self._taken.append((page, False))
        page.bring_to_front()
        return page

    def note_initial(self, page: Page, size: Size) -> None:
        """Notes what a page is like that was just loaded, and has the settings with which its server started."""
        if (key := (page.url, size["width"])) not in self._initial:
            wait_frames(page)
            self._initial[key] = describe(page)

    def open(
        self,
        url: str,
        size: Size = DESKTOP,
        *,
        camera: bool = False,
        init_script: str = "",
        sockets_pass: bool = True,
        whole: bool = True,
    ) -> Page:
        """Opens a page; `close` closes it.

        Args:
            url: The address.
            size: CSS pixels.
            camera: Whether pages may use the camera before they ask.
            init_script: JavaScript that runs before the page's own.
            sockets_pass: Whether WebSockets get through.
            whole: Whether to wait until Gradio's page has taken the place of the first.
        """
        self.discard_kept()
        if camera:
            self._context.grant_permissions(["camera"])
        # Neither an init script nor a WebSocket route can be removed.
        single_use = bool(init_script) or not sockets_pass
        page = self._free.pop() if self._free and not single_use else self._new_page()
        self._taken.append((page, single_use))
        page.set_viewport_size(size)
        page.bring_to_front()  # else the popups of native elements stay closed
        if init_script:
            page.add_init_script(init_script)
        if not sockets_pass:
            page.route_web_socket("**/frames*", lambda route: route.close())
        self.go(page, url, whole)
        return page

    def go(self, page: Page, url: str, whole: bool = True) -> None:
        """Goes to another address, from where the page may request more."""
        self._bases[page] = url.partition("?")[0].rpartition("/")[0] + "/"
        page.goto(url)
        if whole and page.locator(".live-stage").count():
            page.wait_for_function(WHOLE)

    def _new_page(self) -> Page:
        page = self._context.new_page()
        page.on("pageerror", lambda error: self._faults.append(str(error)))
        page.on("request", lambda request: self._check_address(page, request))
        page.on("response", self._check_status)
        page.on("console", self._check_policy)
        return page

    def _check_address(self, page: Page, request: Request) -> None:
        is_elsewhere = not request.url.startswith((self._bases[page], "about:", "data:", "blob:"))
        if is_elsewhere or "/gradio_api/" in request.url:
            self._faults.append(request.url)

    def _check_status(self, response: Response) -> None:
        # Routes themselves say 404 in JSON, as to a visitor who has just left.
        if response.status in (404, 405) and response.headers.get("content-type", "").startswith("text/plain"):
            self._faults.append(f"{response.status}: {response.request.method} {response.url}")

    def _check_policy(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self._faults.append(message.text)

    def discard_kept(self) -> None:
        """Closes the page that was kept open, if there is one."""
        if self._kept is not None:
            self._put_away(self._kept)
            self._kept = None

    def _put_away(self, page: Page) -> None:
        page.evaluate("try { localStorage.clear(); sessionStorage.clear(); } catch {}")
        page.goto("about:blank")
        self._free.append(page)

    def close(self, keeps_one: bool = False) -> list[str]:
        """Closes all pages, and returns their faults.

        Those are uncaught errors, what their policy has blocked, and requests elsewhere, to Gradio's queue and files,
        or to what the server does not know. If it `keeps_one`, the first page stays open for `resume`.
        """
        self.discard_kept()
        for page, single_use in self._taken:
            if page.is_closed():
                continue
            page.unroute_all(behavior="ignoreErrors")
            if single_use:
                page.close()
                continue
            page.emulate_media(color_scheme="null", reduced_motion="null")
            # Where the next page has nothing that a pointer acts on.
            page.mouse.move(0, 0)
            if keeps_one and self._kept is None and any(url == page.url for url, _ in self._initial):
                self._kept = page
            else:
                self._put_away(page)
        self._taken.clear()
        if self._has_clock:
            self._context.clock.resume()
        self._context.clear_cookies()
        self._context.clear_permissions()
        faults, self._faults = self._faults, []
        return faults


def wait_for_frame(page: Page, after: int | None = None) -> int:
    """Waits until a frame is painted, or one with a higher number than `after`, and returns its number."""
    newest = "(after) => { const seq = document.querySelector('.live-stage')?.dataset.seq; return seq > after && seq; }"
    return int(page.wait_for_function(newest, arg=-1 if after is None else after).json_value())


def wait_until_mounted(page: Page) -> Page:
    """Waits until the page shows a frame and handles presses and keys."""
    wait_for_frame(page)
    # A program that has just been started imports Gradio meanwhile.
    page.wait_for_function(MOUNTED, timeout=4 * LIMIT_MS)
    return page


def wait_frames(page: Page, count: int = 4) -> None:
    """Waits until so many more frames are painted: for tests that nothing happens meanwhile."""
    wait_for_frame(page, after=wait_for_frame(page) + count - 1)


def wait_until(page: Page, condition: Callable[..., object]) -> None:
    """Waits until a condition holds that events of the page make true."""
    for _ in range(LIMIT_MS // 20):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("did not come true")


def part(page: Page | Locator, name: str) -> Locator:
    """Returns an element of the page by its name in `data-live`."""
    return page.locator(f'[data-live="{name}"]')


def unfold(page: Page) -> None:
    """Opens the accordion with method, layer and colours."""
    page.locator("#live-advanced > button").click()
    page.locator("#live-advanced input").first.wait_for()
    page.evaluate(SETTLED)


def pick(page: Page, elem_id: str, label: str) -> None:
    """Searches and picks a value in a visible drop-down: `pick(page, "live-target", "teapot")`."""
    field = page.locator(f"#{elem_id} input")
    field.click()
    field.press_sequentially(label)
    page.wait_for_function(FILTERED, arg=label)  # an option may get another text between aim and click
    page.get_by_role("option", name=re.compile(f"^{re.escape(label)}( –|$)")).click()


def choose_everything(page: Page) -> None:
    """Chooses everything of a snapshot, a ZIP file, in the menu beside its button."""
    page.get_by_role("button", name="Save more of this frame").click()
    page.get_by_role("button", name="Everything").click()


def pixels(png: bytes) -> np.ndarray:
    """Decodes an image file: int16 (H, W, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16)


def greenness(page: Page, span: tuple[float, float] = (0.0, 1.0)) -> float:
    """Returns how much green the canvas has over red, between two fractions of its width."""
    return page.evaluate(GREENNESS, list(span))
