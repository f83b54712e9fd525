"""`live-cam serve`: the main job."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from live_cam.cli.options import (
    CodecOption,
    DeviceOption,
    LayerOption,
    MethodOption,
    PrecisionOption,
    RuntimeOption,
    ScoreOption,
    SubtitlesOption,
    WeightsOption,
    show_progress,
    tell_error,
)
from live_cam.cli.reaching import EVERYWHERE, page_address, tell_others
from live_cam.errors import OutputError, UsageError

if TYPE_CHECKING:
    from live_cam.pipeline.recording import RecordingStatus

_MOST_SOURCES = 16


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="auto (first camera, else the demo), demo, browser (each visitor's own camera), 0, 1, ..., "
            "/dev/videoN, rtsp:// or http:// addresses, a video file, or a folder of pictures; several are shown "
            "side by side.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine a token is demanded.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
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
    https: Annotated[
        bool, typer.Option("--https", help="Serve over HTTPS with a certificate made here, as phones' cameras demand.")
    ] = False,
    visitors: Annotated[
        int, typer.Option(min=1, max=256, help="With `browser`: how many may show their camera at a time.")
    ] = 8,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="What to ask of cameras, such as 1280x720.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="FPS", min=0.1, help="How many pictures a second to ask of cameras.")
    ] = None,
    mjpeg: Annotated[
        bool, typer.Option("--mjpeg", help="Ask cameras for MJPEG, in which many are faster at large sizes.")
    ] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Show cameras as a mirror does.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record from the start on, to a new .mp4, .mkv or .webm file; of several sources each gets a file of "
            "its own, with its number: lecture-1.mp4, lecture-2.mp4, ...",
        ),
    ] = None,
    view: Annotated[
        Literal["seen", "clean", "both"],
        typer.Option(help="What --record writes: the picture with its map, the picture alone, or both side by side."),
    ] = "seen",
    recordings: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where recordings go that are begun on the page; live_cam among your videos."
        ),
    ] = None,
    container: Annotated[
        Literal["mp4", "mkv", "webm"], typer.Option(help="What recordings are that are begun on the page.")
    ] = "mp4",
    codec: CodecOption = "auto",
    subtitles: SubtitlesOption = False,
    kiosk: Annotated[
        bool,
        typer.Option("--kiosk", help="For strangers: a touch chooses the class, nothing else can be changed or saved."),
    ] = False,
    weights: WeightsOption = None,
    layer: LayerOption = None,
    method: MethodOption = "gradcam",
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Explain SOURCE live on a web page."""
    from live_cam.pipeline.recording import RecordingOptions, own_folder, require_unrecorded
    from live_cam.sinks.codecs import choose_encoder
    from live_cam.sources.camera import CameraOptions
    from live_cam.sources.opening import find_source, require_heeded
    from live_cam.web.access import token_needed
    from live_cam.web.addresses import own_addresses
    from live_cam.web.server import bind

    words = sources or ["auto"]
    own_cameras = words == ["browser"]
    if "browser" in words and not own_cameras:
        raise UsageError("`browser` shows each visitor their own camera alone; give no other source beside it")
    if len(words) > _MOST_SOURCES:
        raise UsageError(f"{len(words)} sources are more than the {_MOST_SOURCES} that fit on a page; give fewer")
    camera = CameraOptions(_parse_size(size), rate, mjpeg, mirror)
    require_heeded(words, camera)
    if own_cameras and record is not None:
        raise UsageError("visitors' cameras are not recorded, so `browser` and --record don't go together")
    recording = RecordingOptions(recordings or own_folder(), container, codec, subtitles)
    choose_encoder(record or Path(f"recording.{container}"), codec)
    if record is not None:
        require_unrecorded(record, len(words), subtitles)
    listener = bind(host, port)
    found = [] if own_cameras else [find_source(word, camera) for word in words]
    hosts = tuple(allow_host or ())
    if not token:
        token = secrets.token_urlsafe(12) if token_needed(host, hosts) else None
    # Imported when nothing the user said can be wrong any more: these take seconds.
    from live_cam.explain.explainer import Explainer
    from live_cam.pipeline.session import Session
    from live_cam.web.certificate import certificate
    from live_cam.web.server import LiveServer, build_app

    others = own_addresses() if host in EVERYWHERE else []
    chain = certificate([host, *hosts, *others]) if https else None
    at_once = max(1, len(found))
    explainer = Explainer(
        weights, layer, method, score, runtime, precision, device, show_progress, at_once, steady=True
    )
    scheme = "https" if https else "http"
    address = page_address(scheme, host, port, token)
    with Session(found, explainer, visitors if own_cameras else 0, recording) as session, suppress(KeyboardInterrupt):
        if record is not None:
            session.start_recording(view, record)
        site = build_app(session, host, token, hosts, camera, kiosk)
        names = ", ".join(feed.name for feed in session.feeds) or "Visitors' cameras"
        typer.echo(f"{names}: {address}  (Ctrl-C ends it)")
        # Without HTTPS a further name is a proxy's, which leads to another port.
        tell_others(scheme, [*hosts, *others] if https else others, host, port, token)
        if open_:
            _open_browser(address)
        with suppress(KeyboardInterrupt):
            LiveServer(site, session, chain).run(sockets=[listener])
        if (ending := session.recording) is not None and ending.state in ("recording", "finishing"):
            typer.echo(f"Finishing {_listed(session.recorded_videos)}  (Ctrl-C again leaves its index at the end)")
    status = _tell_recording(session.recording, session.recorded_videos)
    # All of ours is closed. Interpreter shutdown would take TensorFlow seconds, and a driver that still blocks a
    # thread could hold it up for ever.
    sys.stdout.flush()
    os._exit(0 if record is None else status)


def _tell_recording(recording: RecordingStatus | None, videos: Sequence[Path]) -> int:
    """Tells how the last recording ended, and gives the exit status that says so."""
    if recording is None:
        return 0
    message = recording.message
    if recording.state in ("recording", "finishing"):
        message = f"{_listed(videos)} could not be finished: the disk does not answer; what it has taken plays"
    elif recording.state == "finished":
        typer.echo(f"Recorded {_listed(videos)}, {recording.seconds:g} s")
    if message:
        tell_error(OutputError(message))
    return OutputError.exit_status if message else 0


def _listed(videos: Sequence[Path]) -> str:
    """Names the videos with their folder, which the page keeps to itself since others watch it."""
    return ", ".join(map(str, videos))


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"{text!r} is no size; give width and height in pixels, such as 1280x720")
    return int(width), int(height)


def _open_browser(address: str) -> None:
    """Opens the page, but no text browser over the terminal we print to."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    timer = threading.Timer(1.0, webbrowser.open, [address])
    timer.daemon = True
    timer.start()
