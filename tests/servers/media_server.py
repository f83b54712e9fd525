"""Receives a stream over RTMP or RTSP: `media_server PORT rtmp|rtsp FILE`; prints `ready` before it listens.

FFmpeg is the server. For each frame, FILE gets a line: the time encoded in its picture (see stamped.py), its timestamp
and the time at which it was decoded, all in ms.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import av

from tests.servers.stamped import stamp_ns

PATH = "/live/secret-key"
# FFmpeg 8.1 refuses its own default of the time to wait.
# What waits for a server that is stopped is little, so that whoever sends soon notices.
LISTEN = {
    "rtmp": {"listen": "1", "recv_buffer_size": "8192"},
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": "600"},
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("scheme", choices=LISTEN)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    options = {**LISTEN[arguments.scheme], "analyzeduration": "100000", "fpsprobesize": "0"}
    url = f"{arguments.scheme}://127.0.0.1:{arguments.port}{PATH}"
    with av.open(url, options=options) as container, arguments.file.open("a") as file:
        container.streams.video[0].codec_context.thread_type = "SLICE"
        for frame in container.decode(video=0):
            if frame.time is None:  # over RTSP, before the sender's first report
                continue
            stamp_ms = stamp_ns(frame.to_ndarray(format="rgb24")) // 1_000_000
            file.write(f"{stamp_ms} {frame.time * 1000:.0f} {time.monotonic_ns() // 1_000_000}\n")
            file.flush()


if __name__ == "__main__":
    main()
