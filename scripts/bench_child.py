"""Both ends of the talk with a process that is measured: lines of JSON out of it, lines of text into it.

A child ends by itself when its standard input does, so none outlives the bench, however that ends.
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

_HERE = Path(__file__).parent
_END_LIMIT_S = 5.0
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Several children hold the same GPU at once; TensorFlow would take all of its memory for the first.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "PYTHONUNBUFFERED": "1",
}


class SkippedError(Exception):
    """Something can't be measured; the text is the reason, in one line."""


class Child:
    """A script of this folder at work in a process of its own; use it in a `with` statement, whose end ends it."""

    def __init__(
        self, script: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """Starts `script` with `arguments` and, beside this process's environment, `environment`."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            env={**os.environ, **_ENVIRONMENT, **(environment or {})},
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # A thread, since a pipe has no time limit of its own on every system.
        self._reader = threading.Thread(target=self._read, name=f"hears-{script}", daemon=True)
        self._reader.start()

    def ask(self, words: str, limit_s: float) -> dict[str, Any]:
        """Sends a line and waits for the answer; see `hear`."""
        self.send(words)
        return self.hear(limit_s)

    def send(self, words: str) -> None:
        """Sends a line, which `hear` gives the answer to later."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has died: `hear` says of what
            self._process.stdin.write(words + "\n")
            self._process.stdin.flush()

    def hear(self, limit_s: float) -> dict[str, Any]:
        """Waits for the next answer.

        Raises:
            SkippedError: The child says why it can't go on, has died, or said nothing in time.
        """
        try:
            line = self._lines.get(timeout=limit_s)
        except queue.Empty:
            self._process.kill()
            raise SkippedError(f"no answer within {limit_s:g} s") from None
        if line is None:
            raise SkippedError(self._cause_of_death())
        answer: dict[str, Any] = json.loads(line)
        if "skipped" in answer:
            raise SkippedError(answer["skipped"])
        return answer

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Ends the process: by the end of its input, else by force."""
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
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f"died with exit status {status}: {last}"

    def _wait_or_kill(self) -> None:
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def answering() -> Callable[[Mapping[str, Any]], None]:
    """Gives, in a child, the function to answer with; what libraries print goes to standard error from here on."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def tell(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")

    return tell
