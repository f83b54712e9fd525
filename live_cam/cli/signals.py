"""The signals that end live-cam: Ctrl-C, SIGTERM, and SIGHUP, which a terminal sends when it is closed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final, NoReturn

_Handler = Callable[[int, FrameType | None], object]

_SIGHUP: Final[signal.Signals | None] = getattr(signal, "SIGHUP", None)  # Windows has none


def exit_on_signals() -> None:
    """Lets each of the signals raise `SystemExit` with the status of a shell, so that nothing half-written stays."""
    handle_signals(_exit)
    handle_hangup(_exit)


def handle_signals(handler: _Handler) -> None:
    """Lets a handler receive Ctrl-C and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def handle_hangup(handler: _Handler) -> None:
    """Lets a handler receive SIGHUP, once; `nohup` keeps its meaning."""
    if _SIGHUP is not None and signal.getsignal(_SIGHUP) != signal.SIG_IGN:
        terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
        signal.signal(_SIGHUP, partial(_hang_up, handler, terminals))


def _hang_up(handler: _Handler, terminals: list[int], number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # shell and kernel send one each
    for descriptor in terminals:
        if not os.isatty(descriptor):  # closed: every further line would raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)
    handler(number, frame)


def _exit(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
