"""Takes the screenshots and the film of README and docs: the real page with the demo, real weights, a real Chromium.

`python -m scripts.screenshot docs` writes them all again, in some five minutes. Run it on an idle machine, since they
show the fps. Needs the tests' packages, playwright and Chromium, which ./scripts/test installs.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

from live_cam.sources.demo_scenes import DEMO_S, SHORTCUT

PORT = 7869
URL = f"http://127.0.0.1:{PORT}/"
LIMIT_S = 2 * DEMO_S
# For the page to paint the server's newest frame, and for animated bars to come to rest.
SETTLE_S = 1.5
# Settings that a screenshot may have changed.
CHANGED = ("mode", "target", "other", "style", "frozen")

WINDOW: ViewportSize = {"width": 1280, "height": 800}
SCALE = 1.5
QUALITY = 86

# A window whose text is readable in the width of a README.
FILM_WINDOW: ViewportSize = {"width": 960, "height": 600}
FILM_FPS = 5
FILM_QUALITY = 50
# The film begins with the lion. So many seconds later the writing, which has faded in, is hidden, and then shown again.
HIDE_S, HIDDEN_S, SHOWN_S = 7.0, 4.0, 2.0

Payload = dict[str, Any]


def main(directory: Path) -> None:
    with demo(), sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        start = httpx.get(f"{URL}settings").json()["start"]
        for take in (take_page, take_two_animals, take_shortcut, take_teach):
            take(browser, directory)
            change_settings(**{name: start[name] for name in CHANGED})
            for context in browser.contexts:
                context.close()
        browser.close()


def take_page(browser: Browser, directory: Path) -> None:
    """Takes the page as it starts, once the map was tested."""
    page = open_page(browser)
    wait_for(lambda payload: has_one_cheetah(payload) and is_faithful(payload))
    save(page, directory / "page.webp")


def take_two_animals(browser: Browser, directory: Path) -> None:
    """Freezes a lion beside a cheetah, occludes a patch, and changes mode and style."""
    page = open_page(browser)
    freeze(has_lion_and_cheetah)
    occlude_most_important_patch(page)
    save(page, directory / "occlusion.webp")
    page.mouse.move(1, 1)
    viewer = page.locator(".live-stage")
    for name, settings in {
        # To the network, cheetahs look much like leopards: the contrast leaves what the lion has and a leopard has not.
        "contrast": {"mode": "contrast", "target": "lion", "other": "leopard"},
        "contours": {"mode": "class", "style": "contours"},
        "spotlight": {"style": "spotlight"},
    }.items():
        change_settings(**settings)
        save(viewer, directory / f"{name}.webp")
    change_settings(mode="side_by_side", other="cheetah", style="heatmap")
    save(viewer, directory / "side_by_side.webp")


def take_shortcut(browser: Browser, directory: Path) -> None:
    """Films, at real speed, how writing turns a lion into a carton, and how hiding it brings the lion back."""
    page = open_page(browser, FILM_WINDOW, scale=1.0)
    freeze(lambda payload: is_carton(payload) and payload["caption"] == SHORTCUT.caption)
    place = most_important_place()
    change_settings(frozen=False)
    wait_for(lambda payload: not payload["caption"])
    wait_for(lambda payload: payload["caption"] == SHORTCUT.caption)
    with film(page, directory / "shortcut.webp"):
        page.wait_for_timeout(1000 * HIDE_S)
        point(page, place)
        page.wait_for_timeout(1000 * HIDDEN_S)
        page.mouse.move(1, 1)
        page.wait_for_timeout(1000 * SHOWN_S)


def take_teach(browser: Browser, directory: Path) -> None:
    """Teaches two classes, in two takes each."""
    page = open_page(browser)
    page.locator('[data-live="teach"]').click()
    field = page.get_by_label("Add a class")
    for label in ("big cat", "coffee"):
        field.fill(label)
        field.press("Enter")
        page.get_by_role("button", name=f"Hold to show {label}").wait_for()
    teach(action="use", taught=False)  # the demo's scenes are told by ImageNet's classes
    for label, seen in (("big cat", "lion"), ("coffee", "espresso"), ("big cat", "cheetah"), ("coffee", "espresso")):
        wait_for_next(seen)
        page.get_by_role("button", name=f"Hold to show {label}").hover()
        page.mouse.down()
        time.sleep(SETTLE_S)
        page.mouse.up()
    teach(action="use", taught=True)
    wait_for(lambda payload: shows(payload, "coffee"))
    wait_for(lambda payload: shows(payload, "big cat"))
    page.mouse.move(1, 1)
    time.sleep(SETTLE_S)
    save(page, directory / "teach.webp", quality=78)
    teach(action="reset")


@contextmanager
def film(page: Page, path: Path) -> Iterator[None]:
    """Films the window, at real speed, while the block runs."""
    session = page.context.new_cdp_session(page)
    images: list[Image.Image] = []
    times_s: list[float] = []

    def keep(event: dict[str, Any]) -> None:
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
        time_s = event["metadata"]["timestamp"]
        if not times_s or time_s - times_s[-1] >= 1 / FILM_FPS:
            times_s.append(time_s)
            images.append(Image.open(io.BytesIO(base64.b64decode(event["data"]))).convert("RGB"))

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png"})
    yield
    session.send("Page.stopScreencast")
    durations_ms = [round(1000 * (end_s - begin_s)) for begin_s, end_s in pairwise([*times_s, time.time()])]
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=durations_ms, loop=0, quality=FILM_QUALITY, method=4
    )
    print_size(path)


def occlude_most_important_patch(page: Page) -> None:
    """Moves the pointer to the place whose occlusion costs the top class most."""
    point(page, most_important_place())
    page.locator('[data-live="occluded-0"]', has_text="%").wait_for()
    time.sleep(SETTLE_S)


def most_important_place() -> tuple[float, float]:
    """Returns the place whose occlusion costs the top class most, in fractions of the frame."""
    grid = [(x / 10, y / 10) for x in range(1, 10) for y in range(1, 10)]
    return min(grid, key=lambda place: occluded_probability(*place))


def point(page: Page, place: tuple[float, float]) -> None:
    """Moves the pointer to a place in the frame."""
    box = page.locator(".live-stage canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])


@contextmanager
def demo() -> Iterator[None]:
    """Runs `live-cam demo`."""
    command = [sys.executable, "-m", "live_cam", "demo", "--no-open", "--port", str(PORT)]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda _: True)
            yield
        finally:
            process.terminate()


def open_page(browser: Browser, window: ViewportSize = WINDOW, scale: float = SCALE) -> Page:
    """Opens the page and waits for its first result."""
    page = browser.new_context(viewport=window, device_scale_factor=scale).new_page()
    page.goto(URL)
    page.locator("gradio-app:not([inert]) .live-stage").wait_for(timeout=LIMIT_S * 1000)
    page.locator('[data-live="percent-0"]', has_text="%").wait_for(timeout=LIMIT_S * 1000)
    return page


def save(shown: Page | Locator, path: Path, quality: int = QUALITY) -> None:
    Image.open(io.BytesIO(shown.screenshot())).convert("RGB").save(path, quality=quality, method=6)
    print_size(path)


def print_size(path: Path) -> None:
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def change_settings(**settings: Any) -> None:
    """Changes settings as the page does, and waits until they are visible."""
    response = httpx.patch(f"{URL}settings", json=settings)
    if response.status_code != 200:
        raise SystemExit(f"the server rejected the settings {settings}: {response.text}")
    time.sleep(SETTLE_S)


def teach(**action: Any) -> None:
    """Has the server do what the page has no button for, or none that is needed here."""
    httpx.post(f"{URL}teach", json=action).raise_for_status()


def wait_for(condition: Callable[[Payload], bool]) -> None:
    """Waits until the newest frame meets a condition."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        payload = newest()
        if payload is not None and condition(payload):
            return
        time.sleep(0.1)
    raise SystemExit(f"the demo showed no suitable frame within {LIMIT_S:g} s")


def wait_for_next(label: str) -> None:
    """Waits until a class is shown again, after another."""
    wait_for(lambda payload: not shows(payload, label))
    wait_for(lambda payload: shows(payload, label))


def freeze(condition: Callable[[Payload], bool]) -> None:
    """Freezes a frame that meets a condition."""
    while True:
        wait_for(condition)
        change_settings(frozen=True)
        payload = newest()
        if payload is not None and condition(payload):
            return
        # Another frame had come before it froze.
        change_settings(frozen=False)


def newest() -> Payload | None:
    """Returns the payload of the newest frame, None before the first."""
    try:
        response = httpx.get(f"{URL}frame.jpg")
    except httpx.TransportError:
        return None
    return json.loads(response.headers["X-Live-Cam"]) if response.status_code == 200 else None


def occluded_probability(x: float, y: float) -> float:
    """Returns the probability of the top class with a patch occluded there."""
    response = httpx.post(f"{URL}occlusion", params={"x": x, "y": y}).raise_for_status()
    return float(response.json()["after"][0]["probability"])


def has_one_cheetah(payload: Payload) -> bool:
    top, second, _ = payload["top"]
    return bool(top["label"] == "cheetah" and top["probability"] > 0.9 and second["probability"] < 0.03)


def shows(payload: Payload, label: str) -> bool:
    top = payload["top"][0]
    return bool(top["label"] == label and top["probability"] > 0.9)


def is_carton(payload: Payload) -> bool:
    top = payload["top"][0]
    return bool(top["label"] == "carton" and top["probability"] > 0.7)


def has_two_animals(payload: Payload) -> bool:
    labels = {score["label"] for score in payload["top"][:2] if score["probability"] > 0.15}
    return labels == {"lion", "cheetah"}


def has_lion_and_cheetah(payload: Payload) -> bool:
    top, second, _ = payload["top"]
    return has_two_animals(payload) and top["label"] == "lion" and bool(second["probability"] > 0.2)


def is_faithful(payload: Payload) -> bool:
    faithfulness = payload["faithfulness"]
    return faithfulness is not None and bool(faithfulness["verdict"] == "faithful")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
