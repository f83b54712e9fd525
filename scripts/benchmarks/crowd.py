"""Measures whether viewers who read nothing cost the others anything.

    python -m scripts.benchmarks.crowd [--viewers 150] [--silent 50] [--seconds 8] [--rounds 5] [SOURCE ...]

starts live-cam as a user would, connects viewers that behave as the page does and, in every other turn, as many who
read nothing: half of them frames sockets, half MJPEG streams. It prints the median over the rounds of the explained
fps, of each viewer's and of the display latency; then the ratio within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np

from scripts.benchmarks.child import Child
from scripts.benchmarks.soak import START_LIMIT_S, fetch_stats, start

SETTLE_S = 1.0
_HEADERS = "HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
_REQUESTS = (f"GET /frames {_HEADERS}{_UPGRADE}\r\n".encode(), f"GET /stream.mjpg {_HEADERS}\r\n".encode())

Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=150)
    parser.add_argument("--silent", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("sources", nargs="*", default=["demo"], help="the sources of live-cam")
    options = parser.parse_args()
    with ExitStack() as stack:
        address, _ = start(options.sources, stack)
        report(*measure(address, options.viewers, options.silent, options.seconds, options.rounds))


def measure(address: str, viewers: int, silent: int, seconds: float, rounds: int) -> tuple[list[Row], list[Row]]:
    """Returns what the viewers saw in each round, alone and beside the silent ones."""
    alone: list[Row] = []
    beside: list[Row] = []
    with Child("-m", "scripts.benchmarks.viewers", address, str(viewers)) as child:
        child.receive(START_LIMIT_S)
        for number in range(rounds):
            for turn in (alone, beside) if number % 2 == 0 else (beside, alone):
                with silent_viewers(address, silent if turn is beside else 0):
                    time.sleep(SETTLE_S)
                    turn.append(_look(child, address, seconds))
    return alone, beside


def _look(child: Child, address: str, seconds: float) -> Row:
    before, start_s = fetch_stats(address), time.monotonic()
    seen = child.request(str(seconds), seconds + START_LIMIT_S)
    stats, elapsed_s = fetch_stats(address), time.monotonic() - start_s
    return {
        "explained fps": (stats["frames"]["explained"] - before["frames"]["explained"]) / elapsed_s,
        "fps of each viewer": float(np.median(seen["fps"])),
        "fps of the slowest viewer": min(seen["fps"]),
        "display latency, p50, ms": float(np.percentile(seen["display_latency_ms"], 50)),
        "display latency, p95, ms": float(np.percentile(seen["display_latency_ms"], 95)),
    }


@contextlib.contextmanager
def silent_viewers(address: str, count: int) -> Iterator[None]:
    """Connects viewers who read nothing, until the end of the `with` statement."""
    host, _, port = address.partition(":")
    with ExitStack() as stack:
        for number in range(count):
            viewer = stack.enter_context(socket.socket())
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            viewer.connect((host, int(port)))
            viewer.sendall(_REQUESTS[number % 2])
        yield


def report(alone: list[Row], beside: list[Row]) -> None:
    """Prints the medians over the rounds, and of the ratios within a round."""
    print(f"{'':30}{'alone':>10}{'beside':>10}{'ratio':>8}")
    for name in alone[0]:
        pairs = np.array([(one[name], other[name]) for one, other in zip(alone, beside, strict=True)])
        ratio = np.median(pairs[:, 1] / pairs[:, 0])
        print(f"{name:30}{np.median(pairs[:, 0]):10.1f}{np.median(pairs[:, 1]):10.1f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
