"""Explains, paints and encodes 5500 frames of the demo and prints the resident memory in MiB after every 500."""

from __future__ import annotations

import os
import time
from pathlib import Path

import live_cam
from live_cam.pipeline.controls import Settings
from live_cam.render.overlay import overlay
from live_cam.sinks.jpeg import encode_jpeg
from live_cam.sources.demo import RATE_FPS, demo_picture

FRAMES = 5500
EVERY = 500


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    explainer, settings = live_cam.Explainer(), Settings()
    for number in range(FRAMES):
        frame = live_cam.Frame(demo_picture(number / RATE_FPS), time.monotonic_ns(), number, "demo")
        encode_jpeg(overlay(frame, explainer.explain(frame), settings.look))
        if (number + 1) % EVERY == 0:
            print(f"{number + 1:>5} frames  {resident_mib():7.1f} MiB")


if __name__ == "__main__":
    main()
