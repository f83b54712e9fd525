"""The whole program at work for the bench: its own source, the real explainer, session, app and server.

`bench_server.py WIDTHxHEIGHT` answers with its address once it shows pictures and then, for each line, with how many
frames it has explained, the processor time it has used, and the memory it holds. It ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench_child import answering
from bench_pictures import Size, camera_frames, parse_size

from live_cam.explain.explainer import Explainer
from live_cam.frame import Frame
from live_cam.pipeline.session import Session
from live_cam.sources.source import Pacer, SourceKind
from live_cam.web.server import LiveServer, bind, build_app

_HOST = "127.0.0.1"
_RATE_FPS = 60
_FRAMES = 8


class BenchSource:
    """A camera of any size at 60 frames a second, faster than most; its pictures were made beforehand.

    It is its own stream, since it never fails and so is opened once.
    """

    kind: SourceKind = "camera"
    frozen_after_s: float | None = None

    def __init__(self, size: Size) -> None:
        self.name = f"bench {size[0]}x{size[1]}"
        self._pictures = camera_frames(size, _FRAMES)
        self._pacer = Pacer()
        self._seq = 0
        self._first_seq = 0

    def open(self) -> BenchSource:
        """Begins to pace."""
        self._pacer, self._first_seq = Pacer(), self._seq
        return self

    def read(self) -> Frame:
        """Waits for the next picture and gives it."""
        return self.read_now(self._pacer.wait((self._seq - self._first_seq) * 1_000_000_000 // _RATE_FPS))

    def read_now(self, pts_ns: int) -> Frame:
        """Gives a copy of the next picture, due or not: a driver, too, hands over one of its own."""
        frame = Frame(self._pictures[self._seq % _FRAMES].copy(), pts_ns, self._seq, self.name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Holds nothing open."""


def main(size: Size) -> None:
    tell = answering()
    listener = bind(_HOST, 0)
    address = f"{_HOST}:{listener.getsockname()[1]}"
    with Session([BenchSource(size)], Explainer()) as session:
        server = LiveServer(build_app(session, _HOST, None), session)
        threading.Thread(target=_answer, args=(session, server, address, tell), name="bench", daemon=True).start()
        server.run(sockets=[listener])
    os._exit(0)  # as `live-cam` does: the interpreter's own end would take TensorFlow seconds


def _answer(session: Session, server: LiveServer, address: str, tell: Callable[[Mapping[str, Any]], None]) -> None:
    """Answers the bench from a thread of its own, until it asks no more."""
    (feed,) = session.feeds
    while feed.hub.newest is None and feed.status.state != "lost":
        time.sleep(0.05)
    tell({"skipped": feed.status.message} if feed.hub.newest is None else {"address": address})
    for _line in sys.stdin:
        used = os.times()
        tell(
            {
                "wall_s": time.monotonic(),
                "explained": session.statistics.read().explained,
                "cpu_s": used.user + used.system,
                "resident_mib": _resident_mib(),
            }
        )
    session.request_stop()
    server.should_exit = True


def _resident_mib() -> float | None:
    """Gives the memory this process holds now, in MiB; None where the system does not say so in /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


if __name__ == "__main__":
    main(parse_size(sys.argv[1]))
