"""The command line: `live-cam [SOURCE]` and the other commands."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

from live_cam.cli.annotate import annotate
from live_cam.cli.calibrate import calibrate
from live_cam.cli.check import check
from live_cam.cli.compare import compare
from live_cam.cli.explain import explain
from live_cam.cli.serve import serve
from live_cam.cli.signals import exit_on_signals
from live_cam.cli.terminal import LogFormatter, echo, print_error
from live_cam.cli.tools import bench, cameras, doctor, layers
from live_cam.errors import LiveCamError, OutputError, UsageError

_RENAMED = {
    "versus": "contrast",
    "against": "counterfactual",
    "recordings": "recordings-dir",
    "seen": "overlay",
    "clean": "raw",
}
"""Former names of options, and former values of `--view`; still accepted, and not in the help."""


_OUTPUT_ERRNOS: Final = {errno.ENOSPC, errno.EIO}


class _ServeByDefault(TyperGroup):
    """Makes `live-cam demo` short for `live-cam serve demo`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h", "--version")):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ServeByDefault,
    # typer passes the names of options and the values of choices through `token_normalize_func`, and nothing else.
    context_settings={
        "help_option_names": ["--help", "-h"],
        "token_normalize_func": lambda name: _RENAMED.get(name, name),
    },
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (serve, annotate, explain, compare, check, calibrate, layers, cameras, bench, doctor):
    app.command()(command)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Point a camera at the world and watch, live, what a classifier sees and where it looks.

    `live-cam [SOURCE]` is short for `live-cam serve [SOURCE]`; see `live-cam serve --help` for its options.
    """
    if version:
        from live_cam import __version__  # read from the package's metadata

        echo(f"live_cam {__version__}")
        raise typer.Exit


def run() -> None:
    """Runs the command line and exits; errors of the user's are one line without a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    exit_on_signals()
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if sys.stderr is not None and sys.stderr.isatty():
        logging.getLogger("live_cam").setLevel(logging.INFO)  # what takes long, for who waits
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does with what a terminal lacks
    try:
        with _system_errors():
            status = app(standalone_mode=False)
            sys.stdout.flush()
        sys.exit(status)
    except LiveCamError as error:
        print_error(error)
        sys.exit(error.exit_status)
    except typer.TyperException as error:
        print_error(_parser_error(error))
        sys.exit(error.exit_code)


@contextmanager
def _system_errors() -> Iterator[None]:
    """Raises an error of ours if a name is too long, or standard output can't be written.

    Where nobody reads standard output any more, typer ends quietly.
    """
    try:
        yield
    except LiveCamError:
        raise
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{error.filename} is too long a name; give a shorter one") from error
        if error.filename is not None or error.errno not in _OUTPUT_ERRNOS:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left can't be written at exit, either
        raise OutputError(f"standard output can't be written ({error.strerror})") from None


def _parser_error(error: typer.TyperException) -> UsageError:
    """Returns what the parser of the options rejected as an error of ours; its own fills four lines."""
    for word in sys.argv[1:]:
        with suppress(OSError):  # too long for a file's name
            if word.startswith("-") and Path(word).exists():
                return UsageError(f"{word} reads like an option; if the file is meant, write .{os.sep}{word}")
    message = error.format_message().replace("Value error, ", "").strip().rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "live-cam"
    return UsageError(f"{message[:1].lower()}{message[1:]}; see `{command} --help`")
