"""Breaks cameras in every way, twenty times each, on the real road, and prints how soon that is told and over.

    .venv/bin/python scripts/faults.py [--faults 20]

One live-cam session shows a faulty camera for each kind of fault, and real servers of network cameras that are killed
or stopped as processes, side by side, with the real step. "Told" is from the fault until the camera is no longer called
live, "back" from its end until the first picture with an overlay that was captured since.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from faulty_source import KINDS, Fault, FaultySource, Kind
from numpy.typing import NDArray

from live_cam.explain.explainer import Explainer
from live_cam.pipeline.clock import MonotonicClock
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.sources.demo import demo_picture
from live_cam.sources.network import NetworkSource
from live_cam.sources.source import Source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "servers"))
from running import RunningServer

RATE_FPS = 10
LOOK_EVERY_S = 0.005
LIMIT_S = 20
SERVERS = {"mjpeg": "/video", "rtsp": "/small"}
_S = 1e9


class Trouble(Protocol):
    """A camera that can be broken."""

    name: str
    source: Source

    def begin(self, seconds: float) -> int:
        """Breaks it, for that long, and gives the time in ns."""
        ...

    def end(self) -> int:
        """Waits until it is whole again and gives the time in ns."""
        ...


class FaultyCamera:
    """One that fails by itself."""

    def __init__(self, kind: Kind) -> None:
        self.name = kind
        self._kind: Kind = kind
        self.source = FaultySource(MonotonicClock(), noisy_picture, RATE_FPS)

    def begin(self, seconds: float) -> int:
        """Breaks it."""
        begin_ns = time.monotonic_ns()
        self.source.faults.append(Fault(self._kind, begin_ns, begin_ns + int(seconds * _S)))
        return begin_ns

    def end(self) -> int:
        """Waits until it is whole."""
        end_ns = self.source.faults[-1].end_ns
        time.sleep(max(0.0, (end_ns - time.monotonic_ns()) / _S))
        return end_ns


class BrokenServer:
    """A network camera whose process is killed and started again, or stopped with its connections open."""

    def __init__(self, server: str, kill: bool) -> None:
        self.name = f"{server} server {'killed' if kill else 'falls silent'}"
        self._kill = kill
        self._server: Any = RunningServer(server)
        self.source = NetworkSource(self._server.url(SERVERS[server]))
        self._end_s = 0.0

    def begin(self, seconds: float) -> int:
        """Kills or stops the process."""
        self._end_s = time.monotonic() + seconds
        if self._kill:
            self._server.kill()
        else:
            self._server.pause()
        return time.monotonic_ns()

    def end(self) -> int:
        """Starts the process again, or lets it go on."""
        time.sleep(max(0.0, self._end_s - time.monotonic()))
        if self._kill:
            self._server.restart()
        else:
            self._server.resume()
        return time.monotonic_ns()

    def close(self) -> None:
        """Ends the process."""
        self._server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=20)
    count = parser.parse_args().faults
    servers = [BrokenServer(server, kill) for server in SERVERS for kill in (True, False)]
    troubles: list[Trouble] = [*map(FaultyCamera, KINDS), *servers]
    found: list[list[tuple[float, float]]] = [[] for _ in troubles]
    with Session([trouble.source for trouble in troubles], Explainer(at_once=len(troubles))) as session:
        threads = [
            threading.Thread(target=make_trouble, args=(*each, count))
            for each in zip(troubles, session.feeds, found, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        turn_ms = 1e3 * session.turn_s
    for server in servers:
        server.close()
    print(f"{len(troubles)} cameras on one page, {turn_ms:.0f} ms a frame\n")
    print("| fault | times | told after, s: median | most | back after, s: median | most |")
    print("| --- | --- | --- | --- | --- | --- |")
    for trouble, times in zip(troubles, found, strict=True):
        told, back = np.array(times).T
        figures = (np.median(told), told.max(), np.median(back), back.max())
        print(f"| {trouble.name} | {len(times)} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    sys.stdout.flush()
    os._exit(0)  # a reader may still block


def noisy_picture(number: int) -> NDArray[np.uint8]:
    """Draws the demo as a sensor would see it: no two pictures are the same."""
    rgb = demo_picture(number / RATE_FPS % 36).copy()
    rgb[::8, ::8] += np.uint8(number % 2 + 1)
    return rgb


def make_trouble(trouble: Trouble, feed: Feed, found: list[tuple[float, float]], count: int) -> None:
    """Breaks one camera again and again and notes how soon that is told and over."""
    random = np.random.default_rng(len(trouble.name))
    wait_until(lambda: feed.status.state == "live", "a first picture")
    for _ in range(count):
        time.sleep(random.uniform(1.0, 2.0))
        begin_ns = trouble.begin(random.uniform(2.5, 6.0))
        wait_until(lambda: feed.status.state != "live", f"a word on: {trouble.name}")
        told_s = (time.monotonic_ns() - begin_ns) / _S
        end_ns = trouble.end()
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
