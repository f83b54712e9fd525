"""The whole program with a synthetic camera: `python -m scripts.benchmarks.server WIDTHxHEIGHT`.

It responds with its address once it broadcasts frames and then, to each line, with the number of explained frames, its
processor time, that of its event loop, and its memory. It ends when its standard input is closed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.explainer import Explainer
from live_cam.pipeline.session import Session
from live_cam.sources.base import Pacer, SourceKind
from live_cam.types import Frame
from live_cam.web.app import LiveApp
from live_cam.web.listener import bind
from live_cam.web.server import LiveServer
from scripts.benchmarks.child import open_responses
from scripts.benchmarks.frames import Size, camera_frames, format_size, parse_size
from scripts.benchmarks.memory import resident_mib

_HOST = "127.0.0.1"
_RATE_FPS = 60
_FRAMES = 8


class SyntheticCamera:
    """A camera of any size at 60 fps, faster than most; its frames are drawn in advance.

    It is its own stream, since it never fails and so is opened once.
    """

    kind: SourceKind = "camera"
    frozen_after_s: float | None = None

    def __init__(self, size: Size) -> None:
        self.name = f"benchmark {format_size(size)}"
        self._frames = camera_frames(size, _FRAMES)
        self._pacer = Pacer()
        self._seq = 0
        self._first_seq = 0

    def open(self) -> SyntheticCamera:
        """Starts the clock."""
        self._pacer, self._first_seq = Pacer(), self._seq
        return self

    def read(self) -> Frame:
        """Waits for the next frame and returns it."""
        return self.read_now(self._pacer.wait((self._seq - self._first_seq) * 1_000_000_000 // _RATE_FPS))

    def read_now(self, pts_ns: int) -> Frame:
        """Returns the next frame at once, as a copy: a driver, too, hands over a buffer of its own."""
        frame = Frame(self._frames[self._seq % _FRAMES].copy(), pts_ns, self._seq, self.name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Does nothing: no device is open."""


def main(size: Size, explainer: ExplainerProtocol | None = None) -> None:
    respond = open_responses()
    listener = bind(_HOST, 0)
    address = f"{_HOST}:{listener.getsockname()[1]}"
    with Session([SyntheticCamera(size)], explainer or Explainer()) as session:
        app = LiveApp(session, _HOST, None)
        app.load_page()
        server = LiveServer(app, session)
        threading.Thread(target=_respond, args=(session, server, address, respond), name="usage", daemon=True).start()
        server.run(sockets=[listener])
    os._exit(0)  # as `live-cam` does: TensorFlow would delay the interpreter's exit by seconds


def _respond(session: Session, server: LiveServer, address: str, respond: Callable[[Mapping[str, Any]], None]) -> None:
    """Responds to the benchmark until its end of the pipe is closed."""
    (feed,) = session.feeds
    while feed.broadcaster.newest is None and feed.status.state != "lost":
        time.sleep(0.05)
    respond({"skipped": feed.status.message} if feed.broadcaster.newest is None else {"address": address})
    for _line in sys.stdin:
        used = os.times()
        respond(
            {
                "wall_s": time.monotonic(),
                "explained": session.metrics.read().explained,
                "cpu_s": used.user + used.system,
                "loop_cpu_s": _main_thread_cpu_s(),
                "resident_mib": resident_mib(),
            }
        )
    session.request_stop()
    server.should_exit = True


def _main_thread_cpu_s() -> float | None:
    """Returns the processor time of the event loop's thread; None on systems that don't tell."""
    if sys.platform != "linux":
        return None
    return time.clock_gettime(time.pthread_getcpuclockid(threading.main_thread().ident or 0))


if __name__ == "__main__":
    main(parse_size(sys.argv[1]))
