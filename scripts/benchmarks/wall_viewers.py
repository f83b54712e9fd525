"""What viewers of a wall cost the machine that serves it.

`python -m scripts.benchmarks.wall_viewers [VIEWERS [CAMERAS [SECONDS]]]` serves a wall of simulated cameras of 1 frame
a second on this machine to that many viewers, which request what the page does, and prints one JSON object. The
processor time is that of the serving process alone: Ray's and the viewers' is their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import threading
import time
from functools import partial
from pathlib import Path

import httpx

from live_cam.cli.cluster import create_explainer
from live_cam.cli.options import ExplainerOptions
from live_cam.cluster.connection import LOCAL, connected
from live_cam.web.listener import bind
from scripts.benchmarks.simulated_camera import SimulatedCamera

_START_LIMIT_S = 120
_WARM_UP_S = 5
_EVERY_S = 0.7  # as wall.js
_LIMIT_S = 10


def main() -> None:
    """Measures, and prints the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("viewers", type=int, nargs="?", default=20)
    parser.add_argument("cameras", type=int, nargs="?", default=48)
    parser.add_argument("seconds", type=int, nargs="?", default=15)
    parser.add_argument("--model")
    arguments = parser.parse_args()
    viewers_n, cameras_n, seconds = arguments.viewers, arguments.cameras, arguments.seconds
    with connected(LOCAL):
        from live_cam.cluster.camera_actor import LIVE_BATCH_SIZE
        from live_cam.cluster.wall import Wall
        from live_cam.web.server import LiveServer
        from live_cam.web.wall_app import WallApp

        options = ExplainerOptions(model=arguments.model)
        make = partial(create_explainer, options, Path.cwd(), batch_size=LIVE_BATCH_SIZE, smooth=True)
        cameras = [SimulatedCamera(f"Camera {n}", 1, phase=n / cameras_n) for n in range(cameras_n)]
        with Wall(cameras, make) as wall, bind("127.0.0.1", 0) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/wall"
            server = LiveServer(WallApp(wall, "127.0.0.1", None), wall)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            end_s = time.monotonic() + _START_LIMIT_S
            while [each.state for each in wall.reports.values()].count("live") < cameras_n and time.monotonic() < end_s:
                time.sleep(_EVERY_S)
            alone = _cores(seconds)
            context = multiprocessing.get_context("spawn")
            received = context.Queue()
            process = context.Process(
                target=_view, args=(url, viewers_n, cameras_n, seconds + 2 * _WARM_UP_S, received)
            )
            process.start()
            time.sleep(_WARM_UP_S)
            watched = _cores(seconds)
            requests_n, sent_bytes, took_s = received.get()
            process.join()
            server.handle_exit()
            thread.join()
    result = {
        "viewers": viewers_n,
        "cameras": cameras_n,
        "cores_without_viewers": round(alone, 3),
        "cores_each": round((watched - alone) / viewers_n, 4),
        "requests_each_s": round(requests_n / took_s / viewers_n, 2),
        "bytes_each_s": round(sent_bytes / took_s / viewers_n),
        "load": ", ".join(f"{each:.1f}" for each in os.getloadavg()),
    }
    print(json.dumps(result, indent=2))


def _cores(seconds: int) -> float:
    start_cpu_s, start_s = time.process_time(), time.monotonic()
    time.sleep(seconds)
    return (time.process_time() - start_cpu_s) / (time.monotonic() - start_s)


def _view(url: str, viewers_n: int, cameras_n: int, seconds: int, received: multiprocessing.Queue[object]) -> None:
    """Lets viewers watch for a time; puts the number of requests, of bytes, and of seconds."""
    received.put(asyncio.run(_view_all(url, viewers_n, cameras_n, seconds)))


async def _view_all(url: str, viewers_n: int, cameras_n: int, seconds: int) -> tuple[int, int, float]:
    start_s = time.monotonic()
    async with httpx.AsyncClient(timeout=_LIMIT_S, trust_env=False) as client:
        watching = [_view_one(client, url, cameras_n, start_s + seconds) for _ in range(viewers_n)]
        counts = await asyncio.gather(*watching)
    return sum(n for n, _ in counts), sum(size for _, size in counts), time.monotonic() - start_s


async def _view_one(client: httpx.AsyncClient, url: str, cameras_n: int, end_s: float) -> tuple[int, int]:
    requests_n = sent_bytes = after = 0
    while time.monotonic() < end_s:
        body = (await client.get(url, params={"first": 0, "count": cameras_n, "after": after})).content
        after = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])["version"]
        requests_n, sent_bytes = requests_n + 1, sent_bytes + len(body)
        await asyncio.sleep(_EVERY_S)
    return requests_n, sent_bytes


if __name__ == "__main__":
    main()
