"""One task in a process of its own, which returns JSON; what it loaded is released when it is done."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from tempfile import TemporaryFile
from typing import Any, Final

from live_cam import errors
from live_cam.child_process import describe_exit, end_with_parent, setup_child, start_child, take_stdout
from live_cam.errors import LiveCamError, NoTensorFlowError
from live_cam.tensorflow_package import lacks_tensorflow

_LIMIT_S = 600.0
_MAX_MESSAGE_CHARS: Final = 4000
_AHEAD: Final = "ahead"


class Task:
    """A module whose `__main__` calls `serve_task`, in a process that may load what it needs before it is asked."""

    def __init__(self, module: str, failure: str, ahead: bool = False) -> None:
        """Starts the process.

        Args:
            module: Its name.
            failure: What failed, for messages, such as `converting the network`.
            ahead: Whether it is asked much later, and loads what most requests need.

        Raises:
            OSError: No process can be started.
        """
        self._failure = failure
        with ExitStack() as opened:
            self._log = opened.enter_context(TemporaryFile())
            self._child = opened.enter_context(start_child(module, [_AHEAD] if ahead else [], stderr=self._log))
            self._opened = opened.pop_all()

    def run(self, request: Any) -> Any:
        """Returns the JSON value that the task returns for a JSON value, once.

        Raises:
            LiveCamError: The error that the task raised, such as `WeightsError`; or it crashed, or took too long.
            OSError: The task raised one.
        """
        child, took_too_long = self._child, threading.Event()
        assert child.stdin is not None
        assert child.stdout is not None

        def end() -> None:
            took_too_long.set()
            child.kill()

        limit = threading.Timer(_LIMIT_S, end)
        limit.start()
        try:
            with suppress(BrokenPipeError):  # it has ended; its exit status says why
                child.stdin.write(json.dumps(request).encode() + b"\n")
            output = child.stdout.read()
            status = child.wait()
        finally:
            limit.cancel()
        if status == 0:
            return json.loads(output)
        if took_too_long.is_set():
            reason = f"it took more than {_LIMIT_S / 60:g} minutes; end other programs and try again"
            raise LiveCamError(f"{self._failure} failed: {reason}")
        self._log.seek(0)
        raise _error(status, output, self._log.read().decode(errors="replace"), self._failure)

    def close(self) -> None:
        """Ends the process."""
        self._child.kill()
        self._opened.close()


def run_task(module: str, request: Any, failure: str) -> Any:
    """Runs a task in a process of its own; see `Task`."""
    with closing(Task(module, failure)) as task:
        return task.run(request)


_ERRORS: dict[str, type[Exception]] = {
    "OSError": OSError,
    **{name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, LiveCamError)},
}


def _error(status: int, output: bytes, log: str, failure: str) -> Exception:
    """Returns the error of a child that failed.

    Args:
        status: Its exit status.
        output: What it reported.
        log: Its standard error: warnings of libraries, and the traceback of one that could not even report.
        failure: What failed.
    """
    if status < 0:
        return LiveCamError(
            f"{failure} failed: its process was ended by {describe_exit(status)}, as happens without enough memory "
            "(2 GiB); end other programs and try again"
        )
    try:
        error = json.loads(output)
    except ValueError:
        return LiveCamError(f"{failure} failed: {(log.strip().splitlines() or [describe_exit(status)])[-1]}")
    if error["type"] in _ERRORS:
        return _ERRORS[error["type"]](error["message"])
    return LiveCamError(f"{failure} failed: {error['message']}")


def serve_task(task: Callable[[Any], Any], max_memory_bytes: int = 0, load: Callable[[], object] | None = None) -> None:
    """Runs a task in this process, which ends with its parent.

    Args:
        task: Receives the request, and returns a JSON value.
        max_memory_bytes: Limit of the address space, against what hostile input allocates; 0 for none.
        load: What a process that is started ahead does before the request is known; an error in it is the task's to
            raise again.
    """
    end_with_parent(None) if not max_memory_bytes else setup_child(max_memory_bytes, None)
    output = take_stdout()
    if load is not None and _AHEAD in sys.argv:
        with suppress(Exception):
            load()
    request = sys.stdin.buffer.readline()
    if not request:  # the parent has ended
        sys.exit(1)
    end_with_parent()
    try:
        result, status = task(json.loads(request)), 0
    except Exception as error:
        if isinstance(error, ImportError) and lacks_tensorflow(error):
            error = NoTensorFlowError()
        message = str(error)
        if isinstance(error, LiveCamError):
            kind = type(error).__name__
        elif isinstance(error, OSError):
            kind = "OSError"
        else:
            kind, message = "", f"{type(error).__name__}: {' '.join(message.split())}"
        result, status = {"type": kind, "message": message[:_MAX_MESSAGE_CHARS]}, 1
    with os.fdopen(output, "wb") as stream:
        stream.write(json.dumps(result).encode())
    sys.exit(status)
