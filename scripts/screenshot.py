"""Makes the pictures of README and docs from the real page: the demo, the real weights, a real Chromium.

`.venv/bin/python scripts/screenshot.py docs` writes them all anew, in some three minutes. Run it on a machine with
nothing else to do, since the pictures say how many frames a second there are.
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
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

PORT = 7869
URL = f"http://127.0.0.1:{PORT}/"
# The demo shows all it has in 36 s.
LIMIT_S = 120.0
# For the page to paint what the server has, and for bars that move to arrive.
SETTLE_S = 1.5
# Settings that a picture may have changed.
CHANGED = ("question", "target", "other", "style", "frozen")

DESKTOP = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1.5}
# Two pictures side by side fill such a window.
LOW = {"width": 1280, "height": 456}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
FILM = {"viewport": {"width": 1440, "height": 900}}

QUALITY = 86
FILM_QUALITY = 70
FILM_SIZE_PX = (800, 500)
FILM_FPS = 8
FILM_S = 5.75

# No screenshot shows the pointer, without which a click is a riddle.
POINTER = """() => {
  const pointer = document.body.appendChild(document.createElement("div"));
  pointer.style = "position: fixed; z-index: 9999; pointer-events: none; left: -3rem; width: 30px";
  pointer.innerHTML = `<svg viewBox="0 0 24 24"><path d="M4 2l15 11-7 1 4 7-3 1-4-7-5 4z" fill="#fff" stroke="#000"
    stroke-width="1.4"/></svg>`;
  document.addEventListener("mousemove", ({ clientX, clientY }) => {
    Object.assign(pointer.style, { left: `${clientX - 5}px`, top: `${clientY - 3}px` });
  });
}"""

Words = dict[str, Any]


def main(folder: Path) -> None:
    with demo(), sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for make in (light_desktop, phone, questions_about_two_animals, film):
            make(browser, folder)
            start = httpx.get(f"{URL}settings").json()["start"]
            turn(**{name: start[name] for name in CHANGED})
            for context in browser.contexts:
                context.close()
        browser.close()


def light_desktop(browser: Browser, folder: Path) -> None:
    """Shows the page as it comes, when the map has been tested."""
    page = opened(browser, **DESKTOP)
    wait_for(lambda words: lone_cheetah(words) and tested(words))
    save(page, folder / "page.webp")


def phone(browser: Browser, folder: Path) -> None:
    page = opened(browser, **PHONE)
    wait_for(lambda words: lone_cheetah(words) and tested(words))
    save(page, folder / "phone.webp")


def questions_about_two_animals(browser: Browser, folder: Path) -> None:
    """Freezes a lion beside a cheetah and asks on about that picture."""
    page = opened(browser, **DESKTOP)
    dark_page = opened(browser, color_scheme="dark", **DESKTOP)
    freeze(lion_and_cheetah)
    dark_page.locator('[data-live="three-maps"]').click()
    dark_page.locator(".live-maps button:enabled canvas").first.wait_for()
    time.sleep(SETTLE_S)
    save(dark_page, folder / "dark.webp")
    dark_page.close()
    hide_costliest_square(page)
    save(page, folder / "hidden.webp")
    page.mouse.move(1, 1)
    picture = page.locator("#live-viewer")
    for name, settings in {
        # Cheetahs look much like leopards to the network: what the lion has and a leopard has not is its alone.
        "versus": {"question": "versus", "target": "lion", "other": "leopard"},
        "contours": {"question": "why", "style": "contours"},
        "spotlight": {"style": "spotlight"},
    }.items():
        turn(**settings)
        save(picture, folder / f"{name}.webp")
    page.set_viewport_size(LOW)
    turn(question="beside", other="cheetah", style="heatmap")
    save(picture, folder / "beside.webp")


def hide_costliest_square(page: Page) -> None:
    """Points at the place without which the likeliest class loses most."""
    grid = [(x / 10, y / 10) for x in range(1, 10) for y in range(1, 10)]
    x, y = min(grid, key=lambda place: probability_without(*place))
    box = page.locator(".live-stage canvas").first.bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.locator('[data-live="hidden-0"]', has_text="%").wait_for()
    time.sleep(SETTLE_S)


def film(browser: Browser, folder: Path) -> None:
    """Films two animals: a click on the one that is second, then other styles."""
    page = opened(browser, **FILM)
    page.evaluate(POINTER)
    page.locator("#live-look button").first.click()
    styles = [page.locator("#live-style label", has_text=name) for name in ("Spotlight", "Contour lines", "Heat map")]
    styles[-1].wait_for()
    wait_for(lambda words: not two_animals(words))
    wait_for(two_animals)
    # By name, since it may fall to third place before it is clicked.
    name = page.locator('[data-live="label-1"]').inner_text()
    second = page.locator('[data-live^="label-"]', has_text=name).first
    with screencast(page) as pictures:
        for part, target in zip((0.2, 0.16, 0.16), (second, *styles[:2]), strict=True):
            page.wait_for_timeout(part * FILM_S * 1000)
            glide_and_click(page, target)
        page.wait_for_timeout(0.25 * FILM_S * 1000)
    begin_s, end_s = pictures[0][0], pictures[-1][0]
    ticks = [begin_s + tick / FILM_FPS for tick in range(round((end_s - begin_s) * FILM_FPS))]
    shown = [max((picture for picture in pictures if picture[0] <= tick), key=lambda p: p[0])[1] for tick in ticks]
    first, *others = (Image.open(io.BytesIO(jpeg)).resize(FILM_SIZE_PX, Image.Resampling.LANCZOS) for jpeg in shown)
    timing = {"duration": round(1000 / FILM_FPS), "loop": 0}
    path = folder / "film.webp"
    first.save(path, save_all=True, append_images=others, quality=FILM_QUALITY, method=5, **timing)
    tell(path)


def glide_and_click(page: Page, target: Locator) -> None:
    """Brings the pointer to the middle of something as a hand does, and clicks."""
    box = target.bounding_box()
    to_x, to_y = box["x"] + min(box["width"] / 2, 60), box["y"] + box["height"] / 2
    from_x, from_y = page.evaluate("globalThis.pointerAt ?? [innerWidth * 0.85, innerHeight * 0.55]")
    for step in range(1, 13):
        part = step / 12 * step / 12 * (3 - 2 * step / 12)
        page.mouse.move(from_x + part * (to_x - from_x), from_y + part * (to_y - from_y))
        page.wait_for_timeout(20)
    page.evaluate("(place) => { globalThis.pointerAt = place; }", [to_x, to_y])
    page.mouse.click(to_x, to_y)


@contextmanager
def screencast(page: Page) -> Iterator[list[tuple[float, bytes]]]:
    """Collects what the page paints meanwhile: when, in seconds, and a JPEG."""
    painted: list[tuple[float, bytes]] = []
    chromium = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        painted.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        chromium.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    chromium.on("Page.screencastFrame", keep)
    chromium.send("Page.startScreencast", {"format": "jpeg", "quality": 92})
    yield painted
    chromium.remove_listener("Page.screencastFrame", keep)
    chromium.detach()


@contextmanager
def demo() -> Iterator[None]:
    """Runs live_cam on its own pictures."""
    live_cam = subprocess.Popen([sys.executable, "-m", "live_cam", "demo", "--no-open", "--port", str(PORT)])
    try:
        wait_for(lambda _: True)
        yield
    finally:
        live_cam.terminate()
        live_cam.wait()


def opened(browser: Browser, **options: Any) -> Page:
    """Opens the page and waits until it shows what is seen."""
    page = browser.new_context(**options).new_page()
    page.goto(URL)
    page.locator('[data-live="percent-0"]', has_text="%").wait_for(timeout=LIMIT_S * 1000)
    return page


def save(shown: Page | Locator, path: Path) -> None:
    """Writes what is shown."""
    Image.open(io.BytesIO(shown.screenshot())).convert("RGB").save(path, quality=QUALITY, method=6)
    tell(path)


def tell(path: Path) -> None:
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def turn(**settings: Any) -> None:
    """Changes settings by the page's own road, and waits until they are to be seen."""
    answer = httpx.patch(f"{URL}settings", json=settings)
    if answer.status_code != 200:
        raise SystemExit(f"the settings {settings} were refused: {answer.text}")
    time.sleep(SETTLE_S)


def wait_for(seen: Callable[[Words], bool]) -> None:
    """Waits until a picture's words are as wished."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        words = newest()
        if words is not None and seen(words):
            return
        time.sleep(0.1)
    raise SystemExit(f"the demo showed nothing fit for a picture within {LIMIT_S:g} s")


def freeze(seen: Callable[[Words], bool]) -> None:
    """Freezes a picture whose words are as wished."""
    while True:
        wait_for(seen)
        turn(frozen=True)
        words = newest()
        if words is not None and seen(words):
            return
        # It had gone on before it froze.
        turn(frozen=False)


def newest() -> Words | None:
    """Gives the words of the newest picture, None where there is none."""
    try:
        answer = httpx.get(f"{URL}frame.jpg")
    except httpx.TransportError:
        return None
    return json.loads(answer.headers["X-Live-Cam"]) if answer.status_code == 200 else None


def probability_without(x: float, y: float) -> float:
    """Gives the probability of the likeliest class with a square hidden there."""
    answer = httpx.post(f"{URL}occlusion", params={"x": x, "y": y}).raise_for_status()
    return float(answer.json()["after"][0]["probability"])


def lone_cheetah(words: Words) -> bool:
    best, second, _ = words["top"]
    return best["label"] == "cheetah" and best["probability"] > 0.9 and second["probability"] < 0.03


def two_animals(words: Words) -> bool:
    likely = {score["label"] for score in words["top"][:2] if score["probability"] > 0.15}
    return likely == {"lion", "cheetah"}


def lion_and_cheetah(words: Words) -> bool:
    return two_animals(words) and words["top"][0]["label"] == "lion" and words["top"][1]["probability"] > 0.25


def tested(words: Words) -> bool:
    return words["faithfulness"] is not None and words["faithfulness"]["verdict"] == "faithful"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
