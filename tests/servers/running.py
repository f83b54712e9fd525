"""Starts the test servers as processes of their own, which can be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

SCHEMES = {"mjpeg": "http", "rtsp": "rtsp"}


class RunningServer:
    """A process that serves pictures on a port of 127.0.0.1.

    Attributes:
        port: Stays the same over restarts.
    """

    def __init__(self, name, port=None, *options):
        self.port = port or free_port()
        self._name = name
        self._begin(options)

    def _begin(self, options):
        script = Path(__file__).with_name(f"{self._name}_server.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(self.port), *options], stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout.readline() != "ready\n":
            self.kill()
            raise AssertionError(f"{script.name} did not start on port {self.port}")

    def url(self, path, user_info=""):
        """Gives an address: `url("/video", "user:secret@")`."""
        return f"{SCHEMES[self._name]}://{user_info}127.0.0.1:{self.port}{path}"

    def kill(self):
        """Ends it as a power cut does; its kernel still says goodbye."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def pause(self):
        """Makes it say nothing, with its connections open."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self):
        """Ends a pause."""
        os.kill(self._process.pid, signal.SIGCONT)

    def restart(self, *options):
        """Kills it and starts it again on the same port."""
        self.kill()
        self._begin(options)


def free_port():
    """Gives a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
