"""Breaks cameras in every way, twenty times each, and prints how soon a fault is reported, and recovered from.

    python -m scripts.faults [--faults 20]

One session shows a faulty camera for each kind of fault, and network cameras whose servers are killed or stopped as
processes, all at once, with the real step. "Reported" is from the fault until the camera is no longer called live,
"recovered" from the fault's end until the first overlay of a frame that was captured since.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.clock import MonotonicClock
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.explainer import Explainer
from live_cam.pipeline.feed import Feed
from live_cam.pipeline.session import Session
from live_cam.sources.base import Source
from live_cam.sources.demo import demo_frame
from live_cam.sources.network import NetworkSource
from scripts.faulty_source import KINDS, Fault, FaultySource, Kind
from tests.servers.running import RunningServer

RATE_FPS = 10
POLL_S = 0.005
LIMIT_S = 20
SERVERS = {"mjpeg": "/video", "rtsp": "/small"}
_S = 1e9


class BreakableCamera(Protocol):
    """A camera that can be broken."""

    name: str

    @property
    def source(self) -> Source:
        """The source of the session."""
        ...

    def break_down(self) -> int:
        """Starts a fault and returns the time in ns."""
        ...

    def repair(self) -> int:
        """Ends the fault and returns the time in ns."""
        ...


class FaultyCamera:
    """A camera with a fault of its own."""

    def __init__(self, kind: Kind) -> None:
        self.name: str = kind
        self._kind: Kind = kind
        self.source = FaultySource(MonotonicClock(), noisy_frame, RATE_FPS)

    def break_down(self) -> int:
        """Starts a fault."""
        begin_ns = time.monotonic_ns()
        self.source.faults.append(Fault(self._kind, begin_ns))
        return begin_ns

    def repair(self) -> int:
        """Ends the fault."""
        end_ns = time.monotonic_ns()
        self.source.faults[-1] = replace(self.source.faults[-1], end_ns=end_ns)
        return end_ns


class BrokenServer:
    """A network camera whose process is killed and restarted, or stopped with its connections open."""

    def __init__(self, server: str, kill: bool) -> None:
        self.name = f"{server} server {'killed' if kill else 'stopped'}"
        self._kill = kill
        self._server = RunningServer(server)
        self.source = NetworkSource(self._server.url(SERVERS[server]))

    def break_down(self) -> int:
        """Kills or stops the process."""
        if self._kill:
            self._server.kill()
        else:
            self._server.pause()
        return time.monotonic_ns()

    def repair(self) -> int:
        """Restarts or continues the process."""
        if self._kill:
            self._server.restart()
        else:
            self._server.resume()
        return time.monotonic_ns()

    def close(self) -> None:
        """Ends the process."""
        self._server.kill()


@dataclass
class Result:
    """Times of one camera's faults.

    Attributes:
        name: The camera's.
        reported_s: From the beginning of each fault until it was reported.
        recovered_s: From the end of each fault until the first overlay.
    """

    name: str
    reported_s: list[float] = field(default_factory=list)
    recovered_s: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=20)
    count = parser.parse_args().faults
    results, frame_interval_s = run(lambda cameras: Explainer(batch_size=cameras), count)
    print(f"{len(results)} cameras on one page, {1e3 * frame_interval_s:.0f} ms per frame\n")
    report(results)
    sys.stdout.flush()
    os._exit(0 if all(len(result.recovered_s) == count for result in results) else 1)  # a reader may still block


def run(
    explainer: Callable[[int], ExplainerProtocol],
    count: int,
    pause_s: tuple[float, float] = (1.0, 2.0),
    fault_s: tuple[float, float] = (2.5, 6.0),
) -> tuple[list[Result], float]:
    """Breaks all cameras at once and returns their results, and the time per frame in seconds.

    Args:
        explainer: Builds the explainer for a number of cameras.
        count: Number of faults of each camera.
        pause_s: Shortest and longest time before a fault.
        fault_s: Shortest and longest length of a fault, which lasts at least until it is reported.
    """
    servers = [BrokenServer(server, kill) for server in SERVERS for kill in (True, False)]
    cameras: list[BreakableCamera] = [*(FaultyCamera(kind) for kind in KINDS), *servers]
    results = [Result(camera.name) for camera in cameras]
    try:
        with Session([camera.source for camera in cameras], explainer(len(cameras))) as session:
            threads = [
                threading.Thread(target=_break_repeatedly, args=(*each, count, pause_s, fault_s))
                for each in zip(cameras, session.feeds, results, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return results, session.frame_interval_s
    finally:
        for server in servers:
            server.close()


def report(results: Sequence[Result]) -> None:
    """Prints a table."""
    print("| fault | times | reported after, s: median | max | recovered after, s: median | max |")
    print("| --- | --- | --- | --- | --- | --- |")
    for result in results:
        figures = [function(times) for times in (result.reported_s, result.recovered_s) for function in (_median, _max)]
        print(f"| {result.name} | {len(result.recovered_s)} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")


def noisy_frame(number: int) -> NDArray[np.uint8]:
    """Draws the demo as a sensor would see it: no two frames are the same."""
    rgb: NDArray[np.uint8] = demo_frame(number / RATE_FPS).copy()
    rgb[::8, ::8] += np.uint8(number % 2 + 1)
    return rgb


def _break_repeatedly(
    camera: BreakableCamera,
    feed: Feed,
    result: Result,
    count: int,
    pause_s: tuple[float, float],
    fault_s: tuple[float, float],
) -> None:
    random = np.random.default_rng(len(camera.name))
    _wait_until(lambda: feed.status.state == "live", f"a first frame of: {camera.name}")
    for _ in range(count):
        time.sleep(random.uniform(*pause_s))
        begin_ns = camera.break_down()
        _wait_until(lambda: feed.status.state != "live", f"a report of: {camera.name}")
        reported_s = (time.monotonic_ns() - begin_ns) / _S
        time.sleep(max(0.0, random.uniform(*fault_s) - reported_s))
        end_ns = camera.repair()
        _wait_until(partial(_has_frame_since, feed, end_ns), f"recovery from: {camera.name}")
        result.reported_s.append(reported_s)
        result.recovered_s.append((time.monotonic_ns() - end_ns) / _S)


def _has_frame_since(feed: Feed, time_ns: int) -> bool:
    """Whether the newest broadcast frame was captured since: one captured before may still have been in progress."""
    newest = feed.broadcaster.newest
    return newest is not None and newest.pts_ns >= time_ns


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    limit_s = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > limit_s:
            raise TimeoutError(f"waited {LIMIT_S} s for {what}")
        time.sleep(POLL_S)


def _median(times_s: Sequence[float]) -> float:
    return float(np.median(times_s)) if times_s else float("nan")


def _max(times_s: Sequence[float]) -> float:
    return max(times_s, default=float("nan"))


if __name__ == "__main__":
    main()
