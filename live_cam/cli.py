"""The command line: `live-cam [SOURCE]`, `live-cam explain`, `live-cam doctor`."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from typer.core import TyperGroup

from live_cam import __version__
from live_cam.errors import LiveCamError, UsageError
from live_cam.explain import DEFAULT_LAYER
from live_cam.explain.npm import Progress as Report
from live_cam.frame import Score

_told = Console(stderr=True, highlight=False)


class _ServeByDefault(TyperGroup):
    """Lets `live-cam demo` mean `live-cam serve demo`: the main job needs no word of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--version")):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_ServeByDefault, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="ResNet50 weights: .npz, .h5, or the npm .tgz.")]
Layer = Annotated[str, typer.Option(metavar="NAME", help="The activation to explain.")]
ScoreOption = Annotated[
    Score,
    typer.Option(help="What is differentiated. The probability's maps are noisier, and empty when it is saturated."),
]

RuntimeOption = Annotated[
    Literal["auto", "tensorflow", "openvino"],
    typer.Option(help="What the step runs on; auto is tensorflow with an NVIDIA GPU, else openvino."),
]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option(help="What the network computes in; auto is bfloat16 where runtime and processor have it."),
]


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Point a camera at the world and watch, live, what a ResNet50 sees and where it looks.

    `live-cam [SOURCE]` is short for `live-cam serve [SOURCE]`; see `live-cam serve --help` for its options.
    """
    if version:
        typer.echo(f"live_cam {__version__}")
        raise typer.Exit


@app.command()
def serve(
    source: Annotated[
        str, typer.Argument(help="auto (first camera, else the demo), demo, 0, 1, ..., /dev/videoN, or a video file.")
    ] = "auto",
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine a token is demanded.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LIVE_CAM_TOKEN", help="What viewers must show; made up where one is needed and none given."
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A further name of this server, such as a proxy's.")
    ] = None,
    weights: Weights = None,
    layer: Layer = DEFAULT_LAYER,
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Explain SOURCE live on a web page."""
    from live_cam.sources.opening import find_source
    from live_cam.web.access import token_needed
    from live_cam.web.server import bind

    listener = bind(host, port)
    found = find_source(source)
    hosts = tuple(allow_host or ())
    if not token:
        token = secrets.token_urlsafe(12) if token_needed(host, hosts) else None
    # Imported when nothing the user said can be wrong any more: these take seconds.
    from live_cam.explain.explainer import Explainer
    from live_cam.pipeline.session import Session
    from live_cam.web.server import LiveServer, build_app

    explainer = Explainer(weights, layer, score, runtime, precision, show_progress)
    address = _page_address(host, port, token)
    with Session(found, explainer) as session:
        site = build_app(session, host, token, hosts)
        typer.echo(f"{found.name}: {address}  (Ctrl-C ends it)")
        if open_:
            _open_browser(address)
        with suppress(KeyboardInterrupt):
            LiveServer(site, session).run(sockets=[listener])
    # All of ours is closed. Interpreter shutdown would take TensorFlow seconds, and a driver that still blocks a
    # thread could hold it up for ever.
    sys.stdout.flush()
    os._exit(0)


@app.command()
def explain(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures to explain.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.png", help="Write the overlay; one IMAGE only.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The class to explain; else the likeliest.")
    ] = None,
    versus: Annotated[str | None, typer.Option(metavar="LABEL", help="Explain why the class and not this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an image.")] = False,
    save_map: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Write map and logits; one IMAGE only.")
    ] = None,
    weights: Weights = None,
    layer: Layer = DEFAULT_LAYER,
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Explain pictures: what the network sees in each, and where."""
    from live_cam.explain.labels import find_label
    from live_cam.frame import Target
    from live_cam.pipeline.still import explain_image
    from live_cam.sinks.new_file import require_new

    for path, suffix in ((output, ".png"), (save_map, ".npz")):
        if path is not None:
            if len(images) > 1:
                raise UsageError("-o and --save-map take one IMAGE at a time")
            require_new(path, suffix)
    question = Target(None if target is None else find_label(target), None if versus is None else find_label(versus))
    if question.index is not None and question.index == question.versus:
        raise UsageError(f"--target and --versus are the same class, {target!r}; nothing sets it apart from itself")
    from live_cam.explain.explainer import Explainer

    explainer = Explainer(weights, layer, score, runtime, precision, show_progress)
    failed = False
    for image in images:
        try:
            result = explain_image(explainer, image, question)
            result.save(output, save_map)
        except LiveCamError as error:
            tell_error(error)
            failed = True
        else:
            typer.echo(result.as_json() if as_json else result.as_text())
    if failed:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Check what live_cam needs on this machine, and say what is missing."""
    from live_cam.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok     ' if finding.fine else 'MISSING' if finding.needed else 'note   '}  {finding.text}")
    if any(finding.needed and not finding.fine for finding in findings):
        raise typer.Exit(1)


@contextmanager
def show_progress(title: str) -> Iterator[Report]:
    """Shows a progress bar on standard error."""
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_told) as progress:
        task = progress.add_task(title, total=None)
        yield lambda had_bytes, total_bytes: progress.update(task, completed=had_bytes, total=total_bytes or None)


def tell_error(error: LiveCamError) -> None:
    """Tells a failure in one line on standard error."""
    print(f"live-cam: {' '.join(str(error).split())}", file=sys.stderr)


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


def _page_address(host: str, port: int, token: str | None) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def _open_browser(address: str) -> None:
    """Opens the page, but no text browser over the terminal we print to."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    timer = threading.Timer(1.0, webbrowser.open, [address])
    timer.daemon = True
    timer.start()
