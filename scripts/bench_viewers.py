"""Viewers who look on as the page does: each has a WebSocket, reads every header and acknowledges every picture.

`bench_viewers.py HOST:PORT COUNT` answers once every viewer has had a picture and then, for each line with a number of
seconds, with how many pictures a second each had in that time, and how old they were when they were acknowledged. It
decodes nothing: a browser does that on the viewer's machine, not on the server's.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from dataclasses import dataclass, field

from bench_child import answering
from websockets.asyncio.client import connect

_LENGTH = struct.Struct("<I")


@dataclass
class Viewer:
    """What one viewer has had.

    Attributes:
        pictures: How many pictures came.
        painted_age_ms: From capture to acknowledgement, as the server measured it; told about twice a second.
    """

    pictures: int = 0
    painted_age_ms: list[float] = field(default_factory=list)

    async def watch(self, address: str) -> None:
        """Looks on until cancelled."""
        async with connect(f"ws://{address}/frames", compression=None, max_size=None, proxy=None) as socket:
            await socket.send(json.dumps({"hidden": False}))
            async for message in socket:
                assert isinstance(message, bytes)
                (length,) = _LENGTH.unpack_from(message)
                header = json.loads(message[_LENGTH.size : _LENGTH.size + length])
                if len(message) > _LENGTH.size + length:
                    await socket.send(json.dumps({"painted": header["seq"]}))
                    self.pictures += 1
                elif header["painted_age_ms"] is not None:
                    self.painted_age_ms.append(header["painted_age_ms"])


async def main(address: str, count: int) -> None:
    tell = answering()
    viewers = [Viewer() for _ in range(count)]
    watching = [asyncio.create_task(viewer.watch(address)) for viewer in viewers]
    while not all(viewer.pictures for viewer in viewers):
        _raise_failure(watching)
        await asyncio.sleep(0.05)
    tell({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds = float(line)
        before = [viewer.pictures for viewer in viewers]
        for viewer in viewers:
            viewer.painted_age_ms.clear()
        begin_s = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        passed_s = asyncio.get_running_loop().time() - begin_s
        _raise_failure(watching)
        tell(
            {
                "fps": [(viewer.pictures - had) / passed_s for viewer, had in zip(viewers, before, strict=True)],
                "painted_age_ms": [age_ms for viewer in viewers for age_ms in viewer.painted_age_ms],
            }
        )
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


def _raise_failure(watching: list[asyncio.Task[None]]) -> None:
    """Raises what ended a viewer, if anything did."""
    for task in watching:
        if task.done():
            task.result()
            raise ConnectionError("the server has sent a viewer home")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
