"""Measures the display latency in a real Chromium: the demo, a visitor's own camera, many viewers.

    python -m scripts.benchmarks.display_age [--seconds 20] [--viewers 50]

The latency is the one that the page shows: from capture until painted, the acknowledgement's way included; for a
visitor's camera from the browser's own time of capture. Browser, server and all viewers share this machine's cores.

Needs the tests' packages, playwright and Chromium, which ./scripts/test installs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np

from live_cam.sources.demo import HEIGHT_PX, RATE_FPS, WIDTH_PX, demo_frame
from scripts.benchmarks.soak import connect_viewers, fetch_stats, start

try:
    from playwright.sync_api import Page, ViewportSize, sync_playwright
except ImportError:
    sys.exit("display_age: playwright is not installed; ./scripts/test installs it")

WINDOW: ViewportSize = {"width": 1280, "height": 800}
INTERVAL_S = 0.1
WARM_UP_S = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--viewers", type=int, default=50, help="viewers in the last row, the browser included")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("display_age: found no chromium or google-chrome on PATH; ./scripts/test installs one")
    print("| source | viewers | explained fps | painted fps | display latency, ms: p50 | p95 |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        webcam = write_webcam(Path(directory) / "webcam.y4m")
        for source, viewers in (("demo", 1), ("browser", 1), ("demo", options.viewers)):
            measure(source, viewers, options.seconds, chromium, webcam)


def measure(source: str, viewers: int, seconds: float, chromium: str, webcam: Path) -> None:
    """Shows a source in a browser, with further viewers connected, and prints a row."""
    with ExitStack() as stack:
        address, _ = start([source], stack, wait_for_frame=source != "browser")
        page = stack.enter_context(open_page(f"http://{address}/", chromium, webcam))
        if source == "browser":
            page.get_by_role("button", name="Show my camera").click()
        page.wait_for_selector(".live-stage[data-seq]")
        connect_viewers(address, viewers - 1, stack)
        time.sleep(WARM_UP_S)
        latencies_ms, rates_fps = [], []
        page.evaluate(COUNT_PAINTED)
        start_s = time.monotonic()
        while time.monotonic() - start_s < seconds:
            latencies_ms.append(float(page.locator('[data-live="latency"]').inner_text().removesuffix(" ms")))
            rates_fps.append(fetch_stats(address)["fps"])
            time.sleep(INTERVAL_S)
        painted_fps = page.evaluate("globalThis.painted") / (time.monotonic() - start_s)
        p50, p95 = np.percentile(latencies_ms, (50, 95))
        fps = np.median(rates_fps)
        print(f"| {source} | {viewers} | {fps:.1f} | {painted_fps:.1f} | {p50:.0f} | {p95:.0f} |", flush=True)


COUNT_PAINTED = """() => {
  globalThis.painted = 0;
  const count = () => (globalThis.painted += 1);
  new MutationObserver(count).observe(document.querySelector(".live-stage"), { attributeFilter: ["data-seq"] });
}"""


@contextmanager
def open_page(url: str, chromium: str, webcam: Path) -> Iterator[Page]:
    arguments = ["--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={webcam}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_context(viewport=WINDOW, permissions=["camera"]).new_page()
        page.goto(url)
        yield page
        browser.close()


def write_webcam(path: Path) -> Path:
    """Writes three seconds of the demo, with a sensor's noise, as a file that Chromium uses as a webcam."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH_PX} H{HEIGHT_PX} F{RATE_FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(3 * RATE_FPS):
            rgb = demo_frame(number / RATE_FPS).astype(np.int16) + random.integers(-2, 3, (HEIGHT_PX, WIDTH_PX, 3))
            yuv = cv2.cvtColor(rgb.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2YUV_I420)
            file.write(b"FRAME\n" + yuv.tobytes())
    return path


if __name__ == "__main__":
    main()
