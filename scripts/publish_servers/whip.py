"""A WHIP endpoint of aiortc: `python whip.py PORT` takes a stream at /whip, and writes its frames as RGB.

Runs with a Python that has aiortc, aiohttp and NumPy.
"""

import asyncio
import sys

from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription

TOKEN = "hidden-token"
connections: set[RTCPeerConnection] = set()
tasks: set[asyncio.Task[None]] = set()


async def write_frames(track: object) -> None:
    while True:
        frame = await track.recv()  # type: ignore[attr-defined]
        sys.stdout.buffer.write(frame.to_ndarray(format="rgb24").tobytes())
        sys.stdout.buffer.flush()


async def offer(request: web.Request) -> web.Response:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return web.Response(status=401)
    connection = RTCPeerConnection()
    connections.add(connection)
    connection.on("track", lambda track: tasks.add(asyncio.create_task(write_frames(track))))
    await connection.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    headers = {"Location": "/whip/1"}
    answer = connection.localDescription.sdp
    return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)


async def end(_: web.Request) -> web.Response:
    return web.Response()


app = web.Application()
app.router.add_post("/whip", offer)
app.router.add_delete("/whip/1", end)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
