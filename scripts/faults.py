"""Breaks cameras in every way, twenty times each, on the real road, and prints how soon that is told and over.

    .venv/bin/python scripts/faults.py [--faults 20]

One live-cam session shows one faulty camera for each kind of fault, side by side, with the real step. "Told" is from
the fault until the camera is no longer called live, "back" from its end until the first picture with an overlay.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from faulty_source import KINDS, Fault, FaultySource, Kind
from numpy.typing import NDArray

from live_cam.explain.explainer import Explainer
from live_cam.pipeline.clock import MonotonicClock
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.sources.demo import demo_picture

RATE_FPS = 10
LOOK_EVERY_S = 0.005
LIMIT_S = 20
_S = 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=20)
    count = parser.parse_args().faults
    sources = [FaultySource(MonotonicClock(), noisy_picture, RATE_FPS) for _ in KINDS]
    found: dict[Kind, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    with Session(sources, Explainer(at_once=len(sources))) as session:
        threads = [
            threading.Thread(target=trouble, args=(kind, source, feed, count, found[kind]))
            for kind, source, feed in zip(KINDS, sources, session.feeds, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        turn_ms = 1e3 * session.turn_s
    print(f"{len(KINDS)} cameras at {RATE_FPS} frames a second on one page, {turn_ms:.0f} ms a frame\n")
    print("| fault | times | told after, s: median | most | back after, s: median | most |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, times in found.items():
        told, back = np.array(times).T
        figures = (np.median(told), told.max(), np.median(back), back.max())
        print(f"| {kind} | {len(times)} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    sys.stdout.flush()
    os._exit(0)  # a reader may still block


def noisy_picture(number: int) -> NDArray[np.uint8]:
    """Draws the demo as a sensor would see it: no two pictures are the same."""
    rgb = demo_picture(number / RATE_FPS % 36).copy()
    rgb[::8, ::8] += np.uint8(number % 2 + 1)
    return rgb


def trouble(kind: Kind, source: FaultySource, feed: Feed, count: int, found: list[tuple[float, float]]) -> None:
    """Breaks one camera again and again and notes how soon that is told and over."""
    random = np.random.default_rng(KINDS.index(kind))
    wait_until(lambda: feed.status.state == "live", "a first picture")
    for _ in range(count):
        time.sleep(random.uniform(1.0, 2.0))
        begin_ns = time.monotonic_ns()
        end_ns = begin_ns + int(random.uniform(2.5, 6.0) * _S)
        source.faults.append(Fault(kind, begin_ns, end_ns))
        wait_until(lambda: feed.status.state != "live", f"a word about a camera that {kind}")
        told_s = (time.monotonic_ns() - begin_ns) / _S
        time.sleep(max(0.0, (end_ns - time.monotonic_ns()) / _S))
        # What was explained before the end may still be on its way, so the picture has to be one captured since.
        wait_until(lambda: feed.hub.newest is not None and feed.hub.newest.pts_ns >= end_ns, "a picture")  # noqa: B023
        found.append((told_s, (time.monotonic_ns() - end_ns) / _S))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    limit_s = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > limit_s:
            raise TimeoutError(f"waited {LIMIT_S} s for {what}")
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
