"""The command line: `live-cam [SOURCE]`, `live-cam annotate`, `explain`, `layers`, `cameras`, `bench`, `doctor`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from live_cam import __version__
from live_cam.cli.annotating import annotate
from live_cam.cli.options import tell_error
from live_cam.cli.pictures import explain
from live_cam.cli.serving import serve
from live_cam.cli.tools import bench, cameras, doctor, layers
from live_cam.errors import LiveCamError


class _ServeByDefault(TyperGroup):
    """Lets `live-cam demo` mean `live-cam serve demo`: the main job needs no word of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h", "--version")):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ServeByDefault,
    context_settings={"help_option_names": ["--help", "-h"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (serve, annotate, explain, layers, cameras, bench, doctor):
    app.command()(command)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Point a camera at the world and watch, live, what a ResNet50 sees and where it looks.

    `live-cam [SOURCE]` is short for `live-cam serve [SOURCE]`; see `live-cam serve --help` for its options.
    """
    if version:
        typer.echo(f"live_cam {__version__}")
        raise typer.Exit


def run() -> None:
    """Runs the command line; what the user can mend is told without a traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    # SIGTERM unwinds like Ctrl-C, so that nothing half-written stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        app()
    except LiveCamError as error:
        tell_error(error)
        sys.exit(error.exit_status)
