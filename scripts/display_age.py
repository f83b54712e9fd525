"""Measures how old pictures are when a real Chromium has painted them: the demo, a visitor's own camera, many viewers.

    .venv/bin/python scripts/display_age.py [--seconds 20] [--viewers 50]

The age is the one that the page shows: from capture until painted, the way of the acknowledgement included; for a
visitor's camera from the browser's own time of capture. Browser, server and all viewers share this machine's cores.
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
from bench_child import Child
from playwright.sync_api import Page, sync_playwright
from soak import start, stats

from live_cam.sources.demo import HEIGHT_PX, RATE_FPS, WIDTH_PX, demo_picture

SIZE = {"width": 1280, "height": 800}
EVERY_S = 0.1
WARM_UP_S = 3.0
START_LIMIT_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--viewers", type=int, default=50, help="how many watch in the last row, the browser included")
    asked = parser.parse_args()
    print("| source | viewers | frames a second, explained | painted | age at display, ms: p50 | p95 |")
    print("| --- | --- | --- | --- | --- | --- |")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        webcam = write_webcam(Path(folder) / "webcam.y4m")
        measure("demo", 1, asked.seconds, webcam)
        measure("browser", 1, asked.seconds, webcam)
        measure("demo", asked.viewers, asked.seconds, webcam)


def measure(source: str, viewers: int, seconds: float, webcam: Path) -> None:
    """Watches a source with a browser, and others beside it, and prints a row."""
    with ExitStack() as stack:
        address, _ = start([source], stack, shows=source != "browser")
        page = stack.enter_context(open_page(f"http://{address}/", webcam))
        if source == "browser":
            page.get_by_role("button", name="Show my camera").click()
        page.wait_for_selector(".live-stage[data-seq]")
        if viewers > 1:
            stack.enter_context(Child("bench_viewers.py", [address, str(viewers - 1)])).hear(START_LIMIT_S)
        time.sleep(WARM_UP_S)
        ages_ms, rates_fps, painted = [], [], 0
        page.evaluate(COUNT_PAINTED)
        begin_s = time.monotonic()
        while time.monotonic() - begin_s < seconds:
            ages_ms.append(float(page.locator('[data-live="age"]').inner_text().removesuffix(" ms")))
            rates_fps.append(stats(address)["fps"])
            time.sleep(EVERY_S)
        painted = page.evaluate("globalThis.painted") / (time.monotonic() - begin_s)
        p50, p95 = np.percentile(ages_ms, (50, 95))
        print(f"| {source} | {viewers} | {np.median(rates_fps):.1f} | {painted:.1f} | {p50:.0f} | {p95:.0f} |")
        sys.stdout.flush()


COUNT_PAINTED = """() => {
  globalThis.painted = 0;
  const count = () => (globalThis.painted += 1);
  new MutationObserver(count).observe(document.querySelector(".live-stage"), { attributeFilter: ["data-seq"] });
}"""


@contextmanager
def open_page(url: str, webcam: Path) -> Iterator[Page]:
    arguments = ["--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={webcam}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        page = browser.new_context(viewport=SIZE, permissions=["camera"]).new_page()
        page.goto(url)
        yield page
        browser.close()


def write_webcam(path: Path) -> Path:
    """Writes three seconds of the demo, with a sensor's noise, as what Chromium takes for a webcam."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH_PX} H{HEIGHT_PX} F{RATE_FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(3 * RATE_FPS):
            rgb = demo_picture(number / RATE_FPS).astype(np.int16) + random.integers(-2, 3, (HEIGHT_PX, WIDTH_PX, 3))
            yuv = cv2.cvtColor(rgb.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2YUV_I420)
            file.write(b"FRAME\n" + yuv.tobytes())
    return path


if __name__ == "__main__":
    main()
