"""Both ends of the protocol with a measured process: text lines to it, JSON lines from it.

A child ends when its standard input is closed, so none outlives the benchmark, however that ends.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

_PROJECT = Path(__file__).parents[2]
_END_LIMIT_S = 5.0
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Several children share a GPU; TensorFlow would reserve all of its memory for the first.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "PYTHONUNBUFFERED": "1",
}


class SkippedError(Exception):
    """Something cannot be measured; the text is the reason, in one line."""


class Child:
    """A Python process that runs until the end of a `with` statement."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Starts `python *arguments` in the project's root.

        Args:
            arguments: Those of the interpreter, such as `-m`, a module and its own.
            environment: Variables added to this process's.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            env={**os.environ, **_ENVIRONMENT, **(environment or {})},
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # A thread, since reads from a pipe have no timeout on every system.
        self._reader = threading.Thread(target=self._read, name="child-reader", daemon=True)
        self._reader.start()

    def request(self, line: str, limit_s: float) -> dict[str, Any]:
        """Sends a line and returns the response; see `receive`."""
        self.send(line)
        return self.receive(limit_s)

    def send(self, line: str) -> None:
        """Sends a line; `receive` returns the response later."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has died: `receive` reports the cause
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def receive(self, limit_s: float) -> dict[str, Any]:
        """Waits for the next response.

        Raises:
            SkippedError: The child reported a reason to stop, died, or sent nothing in time.
        """
        try:
            line = self._lines.get(timeout=limit_s)
        except queue.Empty:
            self._process.kill()
            raise SkippedError(f"no response within {limit_s:g} s") from None
        if line is None:
            raise SkippedError(self._cause_of_death())
        response: dict[str, Any] = json.loads(line)
        if "skipped" in response:
            raise SkippedError(response["skipped"])
        return response

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Closes the process's input, and kills it if it does not end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._wait_or_kill()
        self._reader.join(_END_LIMIT_S)
        self._process.stdout.close()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _cause_of_death(self) -> str:
        self._wait_or_kill()
        status = self._process.returncode
        if status < 0:
            return f"died of {signal.Signals(-status).name}"
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no error output")
        return f"died with exit status {status}: {last}"

    def _wait_or_kill(self) -> None:
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def open_responses() -> Callable[[Mapping[str, Any]], None]:
    """Returns, in a child, the function that sends a response; from now on, prints go to standard error."""
    responses = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def respond(response: Mapping[str, Any]) -> None:
        responses.write(json.dumps(response) + "\n")

    return respond
