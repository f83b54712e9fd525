"""Processes of our own for work that may crash, since FFmpeg does on some damaged files: both ends of their life."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parent


def start_child(module: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Runs a module that calls `become_child` first; it reads nothing, and ends when its standard input is closed.

    Args:
        module: Its name.
        arguments: Words for it.

    Raises:
        OSError: The system can't start a process.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Python looks for modules there first: not among the user's files, and for this package as it is here.
        cwd=_PACKAGE.parent,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,
    )


def become_child(most_memory_bytes: int) -> None:
    """Makes this process end with its parent, whatever ends that, and bounds its memory where the system can.

    Args:
        most_memory_bytes: Of address space; beyond it what a hostile file asks for fails.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    threading.Thread(target=_end_with_parent, name="parent's end", daemon=True).start()
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most_memory_bytes, most_memory_bytes))
        # A crash is told in a sentence; a core would only fill the disk.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def wait_for_news(descriptor: int, limit_s: float) -> bool:
    """Tells whether something can be read within the limit; where systems can't tell that of a pipe, it is assumed."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(limit_s * 1000))


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
