"""`live-cam serve`: the main job."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote

import typer

from live_cam.cli.options import (
    DeviceOption,
    LayerOption,
    MethodOption,
    PrecisionOption,
    RuntimeOption,
    ScoreOption,
    WeightsOption,
    show_progress,
)


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
    weights: WeightsOption = None,
    layer: LayerOption = None,
    method: MethodOption = "gradcam",
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
    device: DeviceOption = "auto",
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

    explainer = Explainer(weights, layer, method, score, runtime, precision, device, show_progress)
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
