"""Child processes for work that may crash, as FFmpeg does on some damaged files."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

_PACKAGE = Path(__file__).parent
_PR_SET_PDEATHSIG = 1
_CPU_SIGNAL = getattr(signal, "SIGPROF", None)
_PIPE_BYTES = 1 << 20  # Linux's limit for unprivileged users; with the default 64 KiB, large frames take a third longer

# A thread that lasts as long as this process: to Linux, the thread that starts a child is its parent.
_starter = ThreadPoolExecutor(1, "child starter")


def _ignore(_: bytes) -> None:
    pass


def start_child(
    module: str, arguments: Sequence[str], stderr: int | IO[bytes] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Starts `python -m module`, whose first call must be `setup_child` or `end_with_parent`.

    The child ends when its standard input is closed.

    Args:
        module: Name of the module.
        arguments: Its command line.
        stderr: Where its standard error goes.

    Raises:
        OSError: The system cannot start a process.
    """
    return _starter.submit(
        subprocess.Popen,
        [sys.executable, "-m", module, *arguments],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        # Python imports from there first: this very package, and no modules of the user's directory.
        cwd=_PACKAGE.parent,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
    ).result()


def setup_child(max_memory_bytes: int, on_input: Callable[[bytes], object] | None = _ignore) -> None:
    """Makes this process end with its parent, however that ends, and limits its memory (on Linux).

    Args:
        max_memory_bytes: Limit of the address space, against what hostile input allocates.
        on_input: Called in a thread with each byte that the parent writes to standard input; None for a process that
            reads it itself, and so notices that its parent has ended.
    """
    end_with_parent(on_input)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))
        # Crashes are reported by the parent; core files would only fill the disk.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with_parent(on_input: Callable[[bytes], object] | None = _ignore) -> None:
    """Makes this process end with its parent, however that ends; on Linux even while it is stopped or busy.

    Args:
        on_input: See `setup_child`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # On other systems, and if the parent has ended before that call.
    if on_input is not None:
        threading.Thread(target=_exit_with_parent, args=(on_input,), name="parent watch", daemon=True).start()


def take_stdout() -> int:
    """Returns a descriptor of this process's standard output, with which output of libraries does not mix any more."""
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return descriptor


def limit_cpu(limit_s: float) -> None:
    """Has the system end this process after some time on the processor, where it can; 0 for no limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, limit_s)


def exceeded_cpu(status: int) -> bool:
    """Returns whether the exit status of a child is that of one that `limit_cpu` has ended."""
    return _CPU_SIGNAL is not None and status == -_CPU_SIGNAL


def describe_exit(status: int) -> str:
    """Returns the exit status of a child for people: `exit status 1` or `SIGSEGV`."""
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def wait_readable(descriptor: int, timeout_s: float) -> bool:
    """Returns whether a pipe becomes readable within the timeout; True on systems that cannot poll pipes."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def enlarge_pipe(descriptor: int) -> None:
    """Enlarges the buffer of a pipe, where the system allows it."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _exit_with_parent(on_input: Callable[[bytes], object]) -> None:
    while byte := os.read(sys.stdin.fileno(), 1):
        on_input(byte)
    os._exit(1)
