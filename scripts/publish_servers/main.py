"""Publishes to servers of others, kills and restarts each, and compares every frame that they received.

`python -m scripts.publish_servers.main` takes a minute. It needs Debian's packages `ffmpeg`, `nginx-light`,
`libnginx-mod-rtmp`, `python3-gi`, `gir1.2-gst-rtsp-server-1.0`, `gstreamer1.0-plugins-good`, `-bad` and `-libav`, and
for WHIP a Python with aiortc, aiohttp and NumPy, named in `WHIP_PYTHON`. What is missing is left out. All listen on
127.0.0.1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from live_cam.sinks.publish.publisher import Publisher
from live_cam.sinks.publish.target import PublishTarget
from tests.processes import free_port
from tests.servers.stamped import stamp_ns
from tests.sinks.publish.senders import SIZE_PX, Sender

HERE = Path(__file__).parent
FRAME_BYTES = SIZE_PX[0] * SIZE_PX[1] * 3
LIMIT_S = 30.0
STREAM_S = 5.0
NGINX = """
load_module {modules}/ngx_rtmp_module.so;
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; master_process off; user root;
events {{ worker_connections 16; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}
"""
FFMPEG = [
    "ffmpeg",
    "-loglevel",
    "error",
    "-fflags",
    "nobuffer",
    "-flags",
    "low_delay",
    "-threads",
    "1",
    "-analyzeduration",
    "100000",
    "-fpsprobesize",
    "0",
]
RAW = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]


@dataclass(frozen=True)
class Kind:
    """A server.

    Attributes:
        url: Where to publish to, with `{port}`.
        server: Returns its command.
        player: The command that writes its frames; empty if the server does.
        needs: A file or program without which it is left out.
        serves_once: Whether it takes one connection, and then ends.
    """

    url: str
    server: Callable[[int, Path], Sequence[str]]
    player: Sequence[str] = ()
    needs: str = "ffmpeg"
    serves_once: bool = False


def nginx(port: int, folder: Path) -> Sequence[str]:
    (folder / "nginx.conf").write_text(NGINX.format(port=port, folder=folder, modules="/usr/lib/nginx/modules"))
    return ["nginx", "-c", str(folder / "nginx.conf")]


RTMP, RTSP = "rtmp://127.0.0.1:{port}/live/hidden-key", "rtsp://127.0.0.1:{port}/live"
KINDS = {
    "ffmpeg -listen 1 (RTMP)": Kind(
        RTMP, lambda port, _: [*FFMPEG, "-listen", "1", "-i", RTMP.format(port=port), *RAW], serves_once=True
    ),
    "ffmpeg -rtsp_flags listen": Kind(
        RTSP, lambda port, _: [*FFMPEG, "-rtsp_flags", "listen", "-i", RTSP.format(port=port), *RAW], serves_once=True
    ),
    "nginx-rtmp": Kind(RTMP, nginx, [*FFMPEG, "-i", RTMP, *RAW], "/usr/lib/nginx/modules/ngx_rtmp_module.so"),
    "GStreamer's RTSP server": Kind(
        RTSP,
        lambda port, _: ["/usr/bin/python3", str(HERE / "gstreamer.py"), str(port)],
        needs="/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib",
    ),
    "aiortc (WHIP)": Kind(
        "whip+http://:hidden-token@127.0.0.1:{port}/whip",
        lambda port, _: [os.environ["WHIP_PYTHON"], str(HERE / "whip.py"), str(port)],
        needs=os.environ.get("WHIP_PYTHON", "WHIP_PYTHON"),
    ),
}


class Receiver:
    """A running server, and the stamps of the frames that it received.

    Attributes:
        received: Stamp and time of arrival of each, in ms.
    """

    def __init__(self, kind: Kind, port: int, folder: Path) -> None:
        self.received: list[tuple[int, int]] = []
        self._kind, self._port = kind, port
        self._ended = False
        self._processes = [self._start(kind.server(port, folder))]
        thread = self._play if kind.player else lambda: self._read(self._processes[0].stdout)
        threading.Thread(target=thread, daemon=True).start()

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _play(self) -> None:
        """Starts the player again until there is a stream."""
        command = [word.format(port=self._port) for word in self._kind.player]
        while not self._ended:
            self._processes.append(self._start(command))
            self._read(self._processes[-1].stdout)
            time.sleep(0.1)

    def _read(self, output: IO[bytes] | None) -> None:
        assert output is not None
        while len(data := output.read(FRAME_BYTES)) == FRAME_BYTES:
            rgb = np.frombuffer(data, np.uint8).reshape(SIZE_PX[1], SIZE_PX[0], 3)
            self.received.append((stamp_ns(rgb) // 1_000_000, time.monotonic_ns() // 1_000_000))

    def kill(self) -> None:
        """Ends server and player without notice."""
        self._ended = True
        for process in self._processes:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool]) -> float:
    """Waits, and returns how long, in seconds; infinite if the condition did not come true."""
    start_s = time.monotonic()
    while not condition():
        if time.monotonic() - start_s > LIMIT_S:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - start_s


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def check(kind: Kind) -> bool:
    """Publishes, kills and restarts the server, and prints what it received; returns whether all is well."""
    port = free_port()
    publisher = Publisher(PublishTarget.parse(kind.url.format(port=port)), "check", "raw")
    with tempfile.TemporaryDirectory() as name, Sender(publisher) as sender:
        first = Receiver(kind, port, Path(name))
        wait_until(lambda: len(first.received) > 0)
        time.sleep(STREAM_S)
        first.kill()
        wait_until(lambda: publisher.status.state == "waiting")
        second = Receiver(kind, port, Path(name))
        if not kind.serves_once:
            wait_until(lambda: listens(port))
        connected_s = wait_until(lambda: publisher.status.state == "live")
        wait_until(lambda: len(second.received) > 0)
        time.sleep(STREAM_S)
        second.kill()
    publisher.stop()
    publisher.join(2.0)
    received = [*first.received, *second.received]
    put_ms = set(sender.put_ms)
    wrong = sum(stamp_ms not in put_ms for stamp_ms, _ in received)
    ages_ms = [arrived_ms - stamp_ms for stamp_ms, arrived_ms in received[10:]]
    age_ms = statistics.median(ages_ms) if ages_ms else float("nan")
    print(
        f"  {len(first.received)} and {len(second.received)} frames received, {wrong} of them never sent; age p50 "
        f"{age_ms:.0f} ms; back {connected_s:.1f} s after it listens again; {publisher.status}"
    )
    return bool(first.received and second.received) and not wrong and connected_s <= 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[[], *KINDS], help="by default all")
    failed = []
    for name in parser.parse_args().kinds or KINDS:
        kind = KINDS[name]
        if shutil.which(kind.needs) is None and not Path(kind.needs).exists():
            print(f"{name}: left out, without {kind.needs}")
            continue
        print(f"{name}:", flush=True)
        if not check(kind):
            failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
