"""Keeps TensorFlow's start-up messages off the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Drops what native code writes to standard error, for all threads; exceptions propagate.

    TensorFlow logs some lines before its own log level takes effect, so no setting silences them. That is for the
    program alone, whose standard error nobody else writes to meanwhile.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # closed
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(sink)
