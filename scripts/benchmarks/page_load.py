"""Measures how the page loads: bytes before it is live and whole, and the time to each, on a slower processor too.

`python -m scripts.benchmarks.page_load http://127.0.0.1:7860/` with a running `live-cam demo`. Needs playwright and
Chromium, which ./scripts/test installs. All times are of a browser without a cache, and medians.
"""

from __future__ import annotations

import argparse
import shutil
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROUNDS: Final = 5
SLOWDOWNS: Final = (1, 4)
LIMIT_MS: Final = 120_000
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}

# Notes when the first frame is painted, and when Gradio's page has taken the place of the first.
NOTE_TIMES: Final = """
globalThis.times = {};
const note = () => {
  if (document.querySelector(".live-stage[data-seq]")) times.live ??= performance.now();
  if (document.querySelector("gradio-app:not([inert]) .live-stage[data-seq]")) times.whole ??= performance.now();
  if (!times.whole) requestAnimationFrame(note);
};
requestAnimationFrame(note);"""
FIRST_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    url = parser.parse_args().url
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        runs = {slowdown: [load(browser, url, slowdown) for _ in range(ROUNDS)] for slowdown in SLOWDOWNS}
        browser.close()
    print("| processor | first paint | first frame | whole page |\n| --- | --- | --- | --- |")
    for slowdown, measured in runs.items():
        times = (f"{median(run[name] for run in measured) / 1000:.2f} s" for name in ("paint", "live", "whole"))
        print(f"| {slowdown}x slower | {' | '.join(times)} |")
    sizes = runs[1][0]
    print(f"live_cam's: {sizes['own_bytes'] / 1000:.0f} kB in {sizes['own']} responses: all that the first frame needs")
    print(f"Gradio's:   {sizes['gradio_bytes'] / 1000:.0f} kB in {sizes['gradio']} responses")


def load(browser: Browser, url: str, slowdown: int) -> dict[str, float]:
    """Loads the page once, as a phone without a cache: times in ms, sizes as transferred."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.add_init_script(NOTE_TIMES)
    sizes = count_bytes(page, url, slowdown)
    page.goto(url)
    page.wait_for_function("globalThis.times.whole", timeout=LIMIT_MS)
    times = page.evaluate("times")
    paint_ms = page.evaluate(FIRST_PAINT)
    context.close()
    return {"paint": paint_ms, **times, **sizes}


def count_bytes(page: Page, url: str, slowdown: int) -> dict[str, float]:
    """Slows the processor down, and counts the bytes that Gradio's files and live_cam's own take from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    session.send("Network.enable")
    sizes: dict[str, float] = {"own": 0, "own_bytes": 0, "gradio": 0, "gradio_bytes": 0}
    urls: dict[str, str] = {}
    requested: set[str] = set()

    def on_response(event: dict[str, Any]) -> None:
        urls[event["requestId"]] = event["response"]["url"]

    def on_finished(event: dict[str, Any]) -> None:
        path = urls.get(event["requestId"], "").removeprefix(url)
        # The second response at the page's own address is Gradio's page.
        is_own = path.startswith(("scripts/", "poster", "choices", "settings")) or (
            path == "" and path not in requested
        )
        requested.add(path)
        owner = "own" if is_own else "gradio"
        sizes[owner] += 1
        sizes[f"{owner}_bytes"] += event["encodedDataLength"]

    session.on("Network.responseReceived", on_response)
    session.on("Network.loadingFinished", on_finished)
    return sizes


if __name__ == "__main__":
    main()
