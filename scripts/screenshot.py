"""Takes the README's picture of the page: the real demo, the real weights, a real Chromium.

Run it with the path to write: `.venv/bin/python scripts/screenshot.py docs/page.png`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.request

from playwright.sync_api import sync_playwright

PORT = 7869
URL = f"http://127.0.0.1:{PORT}/"
START_LIMIT_S = 120
SIZE = {"width": 1280, "height": 760}


def main(path: str) -> None:
    live_cam = subprocess.Popen([sys.executable, "-m", "live_cam", "demo", "--no-open", "--port", str(PORT)])
    try:
        wait_for_page()
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE)
            page.goto(URL)
            page.locator('[data-live="label-0"]', has_text="cheetah").wait_for(timeout=60_000)
            time.sleep(3)
            page.screenshot(path=path)
            browser.close()
    finally:
        live_cam.terminate()
        live_cam.wait()


def wait_for_page() -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s:
        try:
            urllib.request.urlopen(f"{URL}snapshot.jpg").close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"live-cam showed no picture within {START_LIMIT_S} s")


if __name__ == "__main__":
    main(sys.argv[1])
