"""The command line: `live-cam [SOURCE]` and the other commands."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated, Final

import typer
from typer.core import TyperCommand, TyperGroup

from live_cam.cli.annotate import annotate
from live_cam.cli.calibrate import calibrate
from live_cam.cli.check import check
from live_cam.cli.cluster import complete_ray
from live_cam.cli.compare import compare
from live_cam.cli.examples import EXAMPLES, PROGRAM_EXAMPLES, examples_text
from live_cam.cli.explain import explain
from live_cam.cli.serve import serve
from live_cam.cli.signals import exit_on_signals
from live_cam.cli.teach import teach
from live_cam.cli.terminal import LogFormatter, echo, print_error
from live_cam.cli.tools import bench, cameras, doctor, layers
from live_cam.cli.usage import check_first_word, parser_error
from live_cam.cli.why import why
from live_cam.errors import LiveCamError, NoTensorFlowError, OutputError, UsageError
from live_cam.tensorflow_package import lacks_tensorflow

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
        is_completion = ctx.resilient_parsing
        own_words = {*self.commands, *(option for each in self.get_params(ctx) for option in each.opts)}
        if args and args[0].partition("=")[0] not in own_words:
            if not is_completion:
                check_first_word(args[0], self.commands)
            args = ["serve", *args]
        elif not args and not is_completion:  # while it is completed, nothing is known of the first word
            args = ["serve"]
        return super().parse_args(ctx, args)


class _Command(TyperCommand):
    """Writes usage lines as other programs do: `IMAGE...`, where typer's are `{IMAGE}...`; knows `--ray [ADDRESS]`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, complete_ray(args) if "--ray" in args else args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [piece.translate({ord("{"): None, ord("}"): None}) for piece in super().collect_usage_pieces(ctx)]


app = typer.Typer(
    cls=_ServeByDefault,
    # typer passes the names of options and the values of choices through `token_normalize_func`, and nothing else.
    context_settings={
        "help_option_names": ["--help", "-h"],
        "token_normalize_func": lambda name: _RENAMED.get(name, name),
    },
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (serve, annotate, explain, why, compare, check, teach, calibrate, layers, cameras, bench, doctor):
    app.command(cls=_Command, epilog=examples_text(EXAMPLES[command.__name__]))(command)


@app.callback(invoke_without_command=True, epilog=examples_text(PROGRAM_EXAMPLES))
def main(
    version: Annotated[bool, typer.Option("--version", "-V", help="Show the version and exit.")] = False,
) -> None:
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
        with _errors_of_others():
            status = app(prog_name="live-cam", standalone_mode=False)
            sys.stdout.flush()
        sys.exit(status)
    except LiveCamError as error:
        print_error(error)
        sys.exit(error.exit_status)
    except typer.TyperException as error:
        print_error(parser_error(error))
        sys.exit(error.exit_code)


@contextmanager
def _errors_of_others() -> Iterator[None]:
    """Raises an error of ours if a name is too long, standard output can't be written, or there is no TensorFlow.

    Where nobody reads standard output any more, typer ends quietly.
    """
    try:
        yield
    except LiveCamError:
        raise
    except ModuleNotFoundError as error:
        if not lacks_tensorflow(error):
            raise
        raise NoTensorFlowError from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{error.filename} is too long a name; give a shorter one") from error
        if error.filename is not None or error.errno not in _OUTPUT_ERRNOS:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left can't be written at exit, either
        raise OutputError(f"standard output can't be written ({error.strerror})") from None
