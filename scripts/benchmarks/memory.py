"""Explains, draws and encodes 5500 frames of the demo and prints the resident memory in MiB after every 500."""

from __future__ import annotations

import os
import time
from pathlib import Path

import live_cam
from live_cam.pipeline.settings import Settings
from live_cam.render.encode import encode_jpeg
from live_cam.render.overlay import overlay
from live_cam.sources.demo import RATE_FPS, demo_frame

FRAMES = 5500
INTERVAL = 500


def resident_mib(pid: int | str = "self") -> float | None:
    """Returns the resident memory of a process in MiB; None on systems without /proc."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    explainer, settings = live_cam.Explainer(), Settings()
    for number in range(1, FRAMES + 1):
        frame = live_cam.Frame(demo_frame(number / RATE_FPS), time.monotonic_ns(), number, "demo")
        encode_jpeg(overlay(frame, explainer.explain(frame), settings.overlay_style))
        if number % INTERVAL == 0:
            print(f"{number:>5} frames  {resident_mib():7.1f} MiB")


if __name__ == "__main__":
    main()
