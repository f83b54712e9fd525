"""Viewers that behave as the page does: each has a WebSocket, reads every header and acknowledges every frame.

`python -m scripts.benchmarks.viewers HOST:PORT COUNT` responds once every viewer has received a frame and then, to
each line with a number of seconds, with the fps of each viewer in that time, the display latencies, and the processor
time that the viewers took. It decodes
nothing: a browser does that on the viewer's machine, not on the server's.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import connect

from scripts.benchmarks.child import open_responses

_LENGTH = struct.Struct("<I")


@dataclass
class Viewer:
    """One connection and what it received.

    Attributes:
        frames: Number of frames received.
        display_latency_ms: From capture to acknowledgement, as measured by the server, which sends it about once a
            second.
    """

    frames: int = 0
    display_latency_ms: list[float] = field(default_factory=list)

    async def watch(self, address: str) -> None:
        """Receives frames until cancelled."""
        async with connect(f"ws://{address}/frames", compression=None, max_size=None, proxy=None) as socket:
            await socket.send(json.dumps({"hidden": False}))
            async for message in socket:
                assert isinstance(message, bytes)
                (length,) = _LENGTH.unpack_from(message)
                header = json.loads(message[_LENGTH.size : _LENGTH.size + length])
                if len(message) > _LENGTH.size + length:
                    await socket.send(json.dumps({"painted": header["seq"], "revision": header["revision"]}))
                    self.frames += 1
                elif header["display_latency_ms"] is not None:
                    self.display_latency_ms.append(header["display_latency_ms"])


async def main(address: str, count: int) -> None:
    respond = open_responses()
    viewers = [Viewer() for _ in range(count)]
    tasks = [asyncio.create_task(viewer.watch(address)) for viewer in viewers]
    while not all(viewer.frames for viewer in viewers):
        _raise_failure(tasks)
        await asyncio.sleep(0.05)
    respond({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds = float(line)
        before = [viewer.frames for viewer in viewers]
        for viewer in viewers:
            viewer.display_latency_ms.clear()
        start_s, cpu_s = asyncio.get_running_loop().time(), time.process_time()
        await asyncio.sleep(seconds)
        elapsed_s = asyncio.get_running_loop().time() - start_s
        cpu_s = time.process_time() - cpu_s
        _raise_failure(tasks)
        respond(
            {
                "cpu_s": cpu_s,
                "fps": [(viewer.frames - frames) / elapsed_s for viewer, frames in zip(viewers, before, strict=True)],
                "display_latency_ms": [latency for viewer in viewers for latency in viewer.display_latency_ms],
            }
        )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _raise_failure(tasks: list[asyncio.Task[None]]) -> None:
    """Raises the exception that ended a viewer, if any."""
    for task in tasks:
        if task.done():
            task.result()
            raise ConnectionError("the server closed a viewer's connection")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
