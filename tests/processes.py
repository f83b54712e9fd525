"""Processes of live-cam that tests start, free ports for them, and what they write."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import httpx

_START_LIMIT_S = 240
_POLL_S = 0.1


def free_port() -> int:
    """Returns a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Returns whether nothing listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def process_state(pid: int) -> str:
    """Returns Linux's letter for the state of a process; Z if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def num_files_in_memory() -> int:
    """Returns how many files in memory this process holds; 0 where the system has none.

    FastAPI caches the routes of the last sites of this process, which hold what those showed.
    """
    gc.collect()
    targets = []
    for link in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):  # the one of this very listing
            targets.append(str(link.readlink()))
    return sum("memfd:live_cam" in target for target in targets)


class LiveCam:
    """A `live-cam` process with a page.

    Attributes:
        url, port: Where its page is.
    """

    def __init__(
        self,
        *args: object,
        port: int | None = None,
        scheme: str = "http",
        explains: bool = True,
        stderr: IO[str] | None = None,
        program: Sequence[object] = (sys.executable, "-m", "live_cam"),
    ) -> None:
        """Starts it and waits until it responds and, if it `explains`, has explained a frame."""
        self.port = port or free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}/"
        command = [*map(str, (*program, *args)), "--no-open", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
        deadline_s = time.monotonic() + _START_LIMIT_S
        while (stats := self.stats()) is None or (explains and stats["frames"]["explained"] == 0):
            assert self.process.poll() is None, "live-cam ended by itself"
            assert time.monotonic() < deadline_s, "live-cam explained nothing"
            time.sleep(_POLL_S)

    def stats(self) -> dict[str, Any] | None:
        """Returns the JSON of `/stats`, or None if nothing responds."""
        try:
            return httpx.get(f"{self.url}stats", verify=False, timeout=15).json()
        except httpx.TransportError:
            return None

    def stop(self, signal_: int = signal.SIGINT) -> None:
        """Stops it by a signal.

        Raises:
            AssertionError: It ended with another status than 0.
        """
        self.process.send_signal(signal_)
        assert self.process.wait(_START_LIMIT_S) == 0

    def kill(self) -> None:
        """Ends it at once, if it still runs."""
        self.process.kill()
        self.process.wait()


def children() -> set[str]:
    """Returns the process ids of this process's children, on Linux."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def read_to_end(reader: int) -> str:
    """Returns what is written to a pipe or a terminal until its last writer closes it, and closes this end of it."""
    written = b""
    with contextlib.suppress(OSError):  # how Linux reports the end of a terminal
        while block := os.read(reader, 65536):
            written += block
    os.close(reader)
    return written.decode()
