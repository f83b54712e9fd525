"""Runs the test servers as processes of their own, which can be killed, paused and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.processes import free_port

PROJECT = Path(__file__).parents[2]
SCHEMES = {"mjpeg": "http", "rtsp": "rtsp"}


class RunningServer:
    """A process that serves frames on a port of 127.0.0.1.

    Attributes:
        port: Stays the same over restarts.
    """

    def __init__(self, name: str, port: int | None = None, *options: str) -> None:
        self.port = port or free_port()
        self._name = name
        self._start(options)

    def _start(self, options: Sequence[str]) -> None:
        module = f"tests.servers.{self._name}_server"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(self.port), *options], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.kill()
            raise AssertionError(f"{module} did not start on port {self.port}")

    def url(self, path: str, user_info: str = "") -> str:
        """Returns a URL: `url("/video", "user:secret@")`."""
        return f"{SCHEMES[self._name]}://{user_info}127.0.0.1:{self.port}{path}"

    def kill(self) -> None:
        """Ends it without notice; its kernel still closes the connections."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def pause(self) -> None:
        """Stops it from sending, with its connections open."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Ends a pause."""
        os.kill(self._process.pid, signal.SIGCONT)

    def restart(self, *options: str) -> None:
        """Kills it and starts it again on the same port."""
        self.kill()
        self._start(options)
