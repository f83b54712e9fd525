"""Measures what publishing costs the live view, and how old frames are when a server has decoded them.

    python -m scripts.benchmarks.publishing [--rounds 8] [--seconds 8]

A camera of 640x480 at 30 fps is explained by ResNet50, by turns alone and published as HLS into a folder: so the cost
is that of encoding, and no player shares the processor. Processor times of both processes say the same on a machine
that is busy otherwise. First it is published over RTSP to FFmpeg, which decodes it: each frame carries the time of its
capture in its pixels.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from live_cam.explain.explainer import Explainer
from live_cam.pipeline.session import Session
from live_cam.sinks.publish.publisher import Publisher
from live_cam.sinks.publish.target import PublishTarget
from live_cam.sources.base import Pacer, SourceKind
from live_cam.types import Frame
from tests.servers.running import RunningServer
from tests.servers.stamped import photograph, stamp_ns, stamped

SIZE_PX = 640, 480
RATE_FPS = 30
SETTLE_S = 3.0


class StampedCamera:
    """A camera whose frames carry the time of their capture; it is its own stream."""

    name = "camera"
    kind: SourceKind = "camera"
    frozen_after_s: float | None = None

    def __init__(self) -> None:
        self._image, self._generator = photograph(SIZE_PX), np.random.default_rng(0)
        self._pacer, self._number = Pacer(), 0

    def open(self) -> StampedCamera:
        """Returns this."""
        return self

    def read(self) -> Frame:
        """Waits for the next frame."""
        self._pacer.wait(self._number * 1_000_000_000 // RATE_FPS)
        self._number += 1
        rgb = stamped(self._image, self._generator)
        return Frame(rgb, stamp_ns(rgb))

    def close(self) -> None:
        """Does nothing."""


def fps(session: Session, seconds: float) -> float:
    """Returns how many frames are explained per second, over some time."""
    start_s, before = time.monotonic(), session.metrics.read().explained
    time.sleep(seconds)
    return (session.metrics.read().explained - before) / (time.monotonic() - start_s)


def processor_s(pid: int) -> float:
    """Returns the processor time of a process, on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(session: Session, word: str) -> Publisher:
    """Publishes the raw frames of a session's only feed, and waits until they flow."""
    (feed,) = session.feeds
    publisher = Publisher(PublishTarget.parse(word), feed.name, "raw")
    feed.publish_to([publisher])
    while publisher.status.state != "live":
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    return publisher


def stop(session: Session, publisher: Publisher) -> None:
    session.feeds[0].publish_to([])
    publisher.stop()
    publisher.join(5.0)


def measure_cost(session: Session, rounds: int, seconds: float, folder: Path) -> None:
    ratios, alone_fps, cpu_ms, own_cpu_ms = [], [], [], []
    for number in range(rounds):
        alone = fps(session, seconds / 2)
        publisher = start(session, str(folder / f"{number}.m3u8"))
        process = publisher._process
        assert process is not None
        pid, sent, cpu_s = process._child.pid, publisher.status.sent, processor_s(process._child.pid)
        explained, own_s = session.metrics.read().explained, time.process_time()
        with_publisher = fps(session, seconds)
        cpu_ms.append(1000 * (processor_s(pid) - cpu_s) / (publisher.status.sent - sent))
        own_cpu_ms.append(1000 * (time.process_time() - own_s) / (session.metrics.read().explained - explained))
        stop(session, publisher)
        time.sleep(0.5)
        alone = (alone + fps(session, seconds / 2)) / 2
        ratios.append(with_publisher / alone)
        alone_fps.append(alone)
        print(f"  alone {alone:.1f} fps, published {with_publisher:.1f}", flush=True)
    lost = 100 * (1 - statistics.median(ratios))
    print(f"explained: {statistics.median(alone_fps):.1f} fps alone; publishing costs {lost:.1f} %, median of {rounds}")
    own, child = statistics.median(own_cpu_ms), statistics.median(cpu_ms)
    print(f"processor time of a frame: {own:.1f} ms to explain it, {child:.1f} ms to publish it")


def measure_age(session: Session, seconds: float, folder: Path) -> None:
    file = folder / "received"
    server = RunningServer("media", None, "rtsp", str(file))
    publisher = start(session, f"rtsp://127.0.0.1:{server.port}/live/secret-key")
    time.sleep(seconds)
    stop(session, publisher)
    server.kill()
    rows = np.array([line.split() for line in file.read_text().splitlines()], np.int64)
    p50, p95 = np.percentile(rows[:, 2] - rows[:, 0], (50, 95))
    print(f"age of {len(rows)} frames, from capture until decoded by the server: p50 {p50:.0f} ms, p95 {p95:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Session([StampedCamera()], Explainer(smooth=True)) as session:
        while not session.metrics.read().explained:
            time.sleep(0.1)
        time.sleep(SETTLE_S)
        measure_age(session, options.seconds, Path(name))
        age = session.metrics.read()
        print(f"of which until explained and drawn: p50 {age.age_p50_ms} ms")
        measure_cost(session, options.rounds, options.seconds, Path(name))


if __name__ == "__main__":
    main()
