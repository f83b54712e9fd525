"""Takes the screenshots of README and docs: the real page with the demo, the real weights, a real Chromium.

`python -m scripts.screenshot docs` writes them all again, in some two minutes. Run it on an idle machine, since they
show the fps. Needs the tests' packages, playwright and Chromium, which ./scripts/test installs.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright

PORT = 7869
URL = f"http://127.0.0.1:{PORT}/"
# The demo shows all its scenes in 36 s.
LIMIT_S = 120.0
# For the page to paint the server's newest frame, and for animated bars to come to rest.
SETTLE_S = 1.5
# Settings that a screenshot may have changed.
CHANGED = ("mode", "target", "other", "style", "frozen")

WINDOW: ViewportSize = {"width": 1280, "height": 800}
# Two frames side by side fill such a window.
LOW_WINDOW: ViewportSize = {"width": 1280, "height": 456}
SCALE = 1.5
QUALITY = 86

Payload = dict[str, Any]


def main(directory: Path) -> None:
    with demo(), sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        start = httpx.get(f"{URL}settings").json()["start"]
        for take in (take_page, take_two_animals):
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
    viewer = page.locator("#live-viewer")
    for name, settings in {
        # To the network, cheetahs look much like leopards: the contrast leaves what the lion has and a leopard has not.
        "contrast": {"mode": "contrast", "target": "lion", "other": "leopard"},
        "contours": {"mode": "class", "style": "contours"},
        "spotlight": {"style": "spotlight"},
    }.items():
        change_settings(**settings)
        save(viewer, directory / f"{name}.webp")
    page.set_viewport_size(LOW_WINDOW)
    change_settings(mode="side_by_side", other="cheetah", style="heatmap")
    save(viewer, directory / "side_by_side.webp")


def occlude_most_important_patch(page: Page) -> None:
    """Moves the pointer to the place whose occlusion costs the top class most."""
    grid = [(x / 10, y / 10) for x in range(1, 10) for y in range(1, 10)]
    x, y = min(grid, key=lambda place: occluded_probability(*place))
    box = page.locator(".live-stage canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.locator('[data-live="occluded-0"]', has_text="%").wait_for()
    time.sleep(SETTLE_S)


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


def open_page(browser: Browser) -> Page:
    """Opens the page and waits for its first result."""
    page = browser.new_context(viewport=WINDOW, device_scale_factor=SCALE).new_page()
    page.goto(URL)
    page.locator('[data-live="percent-0"]', has_text="%").wait_for(timeout=LIMIT_S * 1000)
    return page


def save(shown: Page | Locator, path: Path) -> None:
    Image.open(io.BytesIO(shown.screenshot())).convert("RGB").save(path, quality=QUALITY, method=6)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def change_settings(**settings: Any) -> None:
    """Changes settings as the page does, and waits until they are visible."""
    response = httpx.patch(f"{URL}settings", json=settings)
    if response.status_code != 200:
        raise SystemExit(f"the server rejected the settings {settings}: {response.text}")
    time.sleep(SETTLE_S)


def wait_for(condition: Callable[[Payload], bool]) -> None:
    """Waits until the newest frame meets a condition."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        payload = newest()
        if payload is not None and condition(payload):
            return
        time.sleep(0.1)
    raise SystemExit(f"the demo showed no suitable frame within {LIMIT_S:g} s")


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


def has_two_animals(payload: Payload) -> bool:
    labels = {score["label"] for score in payload["top"][:2] if score["probability"] > 0.15}
    return labels == {"lion", "cheetah"}


def has_lion_and_cheetah(payload: Payload) -> bool:
    top, second, _ = payload["top"]
    return has_two_animals(payload) and top["label"] == "lion" and bool(second["probability"] > 0.25)


def is_faithful(payload: Payload) -> bool:
    faithfulness = payload["faithfulness"]
    return faithfulness is not None and bool(faithfulness["verdict"] == "faithful")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
