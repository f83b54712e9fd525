"""What is printed: lines in which text from outside, such as a file's name, can't move the cursor or forge a line."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

import typer

from live_cam.errors import LiveCamError
from live_cam.text import printable

_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def echo(line: str) -> None:
    """Prints a line on standard output."""
    typer.echo(printable(line))


def announce_start() -> None:
    """Says, to who waits at a terminal, that what takes long has begun, and how long it takes."""
    logging.getLogger("live_cam").info("starting: this takes seconds, the first time about a minute")


def print_error(error: LiveCamError) -> None:
    """Prints an error as one line on standard error."""
    print(f"live-cam: {printable(' '.join(str(error).split()))}", file=sys.stderr)


class LogFormatter(logging.Formatter):
    """Writes a message as one line, as errors are, and a traceback below it."""

    def __init__(self) -> None:
        super().__init__("live-cam: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Returns the line of a record."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802
        """Returns the lines of a traceback."""
        return "\n".join(map(printable, super().formatException(ei).split("\n")))
