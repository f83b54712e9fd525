"""`live-cam serve`: sources explained live on a web page."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from live_cam.cli.options import CodecOption, ExplainerOptions, SubtitlesOption, with_explainer_options
from live_cam.cli.port import DEFAULT_PORT, bind_port
from live_cam.cli.signals import handle_hangup, handle_signals
from live_cam.cli.terminal import announce_start, echo, print_error
from live_cam.cli.urls import WILDCARDS, page_url, print_urls
from live_cam.cli.usage import source_word
from live_cam.errors import OutputError, UsageError

if TYPE_CHECKING:
    from live_cam.pipeline.recordings import RecordingOptions, RecordingStatus
    from live_cam.pipeline.session import Session
    from live_cam.sinks.publish.target import PublishTarget
    from live_cam.sources.camera import CameraOptions
    from live_cam.web.security.certificate import Certificate

_MAX_SOURCES = 16


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of `live-cam serve`, valid as far as can be known before anything is opened.

    Attributes:
        sources: What `create_source` accepts; empty if visitors show their own cameras.
        max_visitors: How many may do so at a time; 0 where the page does not offer it.
        port: None for the default, or the next one that is free.
        record: The video to record to from the start.
        publish: Where to publish each source to.
    """

    sources: tuple[str, ...]
    max_visitors: int
    camera: CameraOptions
    host: str
    port: int | None
    extra_hosts: tuple[str, ...]
    token: str | None
    https: bool
    open_browser: bool
    kiosk: bool
    public: bool
    record: Path | None
    view: Literal["overlay", "raw", "both"]
    recording: RecordingOptions
    publish: list[list[PublishTarget]]
    explainer: ExplainerOptions

    @property
    def scheme(self) -> str:
        """The URL scheme of the page."""
        return "https" if self.https else "http"


@dataclass(frozen=True, slots=True)
class _Server:
    """All that `_run` needs: the port is bound, nothing has started yet."""

    listener: socket
    session: Session
    token: str | None
    addresses: list[str]
    certificate: Certificate | None


@with_explainer_options
def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="auto (first camera, else the demo), demo, browser (each visitor's own camera), webcam, 0, 1, ..., "
            "/dev/videoN, rtsp:// or http:// URLs, a video file, or a folder of images; up to 16 are shown side by "
            "side.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; other than loopback requires a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            show_default=f"{DEFAULT_PORT}, or the next that is free",
            help="Port to listen on; 0 is any that is free.",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN", envvar="LIVE_CAM_TOKEN", help="Access token; generated when required and not set."
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Another host name of this server, such as a proxy's.")
    ] = None,
    https: Annotated[
        bool,
        typer.Option("--https", help="Serve over HTTPS with a self-signed certificate; phones' cameras require it."),
    ] = False,
    visitors: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=256, help="Maximum number of visitors who show their own camera at a time."
        ),
    ] = 8,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Frame size to request of cameras, such as 1280x720.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="FPS",
            min=0.1,
            help="Frame rate to request of cameras, and of addresses that respond with one picture.",
        ),
    ] = None,
    mjpeg: Annotated[
        bool, typer.Option("--mjpeg", help="Request MJPEG of cameras; many are faster with it at large sizes.")
    ] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Mirror the frames of cameras.")] = False,
    follow_redirects: Annotated[
        bool,
        typer.Option("--follow-redirects", help="Let network cameras redirect to other hosts."),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record from the start, to a new .mp4, .mkv or .webm file; with several sources one file for each, "
            "numbered: lecture-1.mp4, lecture-2.mp4, ...",
        ),
    ] = None,
    view: Annotated[
        Literal["overlay", "raw", "both"],
        typer.Option(
            help="What is recorded by --record and published: frames with their map, raw frames, or both side by side."
        ),
    ] = "overlay",
    publish: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Publish live H.264 to an rtsp://, rtmp:// or whip+https:// URL of a media server, or as HLS into a "
            "folder or to an .m3u8 file; with several sources each gets its number: rtmp://host/live/camera-1, ...",
        ),
    ] = None,
    virtual_camera: Annotated[
        bool,
        typer.Option("--virtual-camera", help="Be a camera for Zoom, OBS and the like; needs pyvirtualcam."),
    ] = False,
    recordings_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of recordings started on the page; by default live_cam in Videos."),
    ] = None,
    container: Annotated[
        Literal["mp4", "mkv", "webm"], typer.Option(help="Format of recordings started on the page.")
    ] = "mp4",
    codec: CodecOption = "auto",
    subtitles: SubtitlesOption = False,
    kiosk: Annotated[
        bool, typer.Option("--kiosk", help="Public display: touch selects a class; all else is read-only.")
    ] = False,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="With `browser`: let everybody in without a token, also in frames of other sites."
        ),
    ] = False,
    record_visitors: Annotated[
        bool,
        typer.Option(
            "--record-visitors", help="Let --kiosk be recorded or published; the page then says so to its visitors."
        ),
    ] = False,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Explain SOURCE live on a web page.

    The model sees each whole frame, squeezed to the size of its input.
    """
    from live_cam.sources.spec import check_spec

    words = tuple(map(source_word, sources or ("auto",)))
    own_cameras = words == ("browser",)
    if "browser" in words and not own_cameras:
        raise UsageError("`browser` shows each visitor their own camera only; give no other source with it")
    if len(words) > _MAX_SOURCES:
        raise UsageError(f"{len(words)} sources are more than the maximum of {_MAX_SOURCES}; give fewer")
    if not own_cameras:
        for word in words:
            check_spec(word)
    size_px = _parse_size(size)
    if public and not own_cameras:
        raise UsageError("--public is for `browser`, where visitors see themselves alone; leave it out")
    if public and token is not None:
        raise UsageError("--public lets everybody in without a token; leave out one of --public and --token")
    _check_kept(words, kiosk, record_visitors, record is not None, bool(publish) or virtual_camera)
    announce_start()
    # Libraries of cameras and videos, which take a second; what is wrong up to here is said before.
    from live_cam.pipeline.publishing import parse_targets
    from live_cam.pipeline.recordings import RecordingOptions, default_directory, require_unrecorded
    from live_cam.sinks.codecs import choose_encoder
    from live_cam.sources.camera import CameraOptions
    from live_cam.sources.factory import validate_camera_options
    from live_cam.web.security.access import check_token
    from live_cam.web.security.temporary import private_temporary_folder

    camera = CameraOptions(size_px, rate, mjpeg, mirror, follow_redirects)
    validate_camera_options(words, camera)
    check_token(host, token, allow_host or ())
    recording = RecordingOptions(recordings_dir or default_directory(), container, codec, subtitles)
    choose_encoder(record or Path(f"recording.{container}"), codec)
    if record is not None:
        require_unrecorded(record, len(words), subtitles)
    targets = parse_targets(publish or (), virtual_camera, len(words))
    options = ServeOptions(
        sources=() if own_cameras else words,
        max_visitors=visitors if own_cameras or not (kiosk or len(words) > 1) else 0,
        camera=camera,
        host=host,
        port=port,
        extra_hosts=tuple(allow_host or ()),
        token=token,
        https=https,
        open_browser=open_,
        kiosk=kiosk,
        public=public,
        record=record,
        view=view,
        recording=recording,
        publish=targets,
        explainer=explainer_options,
    )
    with private_temporary_folder():
        status = _run(options, _build(options))
    # All resources are closed. Interpreter shutdown would take TensorFlow seconds, and a driver that still blocks a
    # thread could delay it forever.
    sys.stdout.flush()
    os._exit(0 if record is None else status)


def _check_kept(words: Sequence[str], kiosk: bool, record_visitors: bool, records: bool, publishes: bool) -> None:
    """Checks that people who are not asked are neither recorded nor published.

    Raises:
        UsageError: They would be.
    """
    option = "--record" if records else "--publish or --virtual-camera"
    if words == ("browser",) and (records or publishes):
        kept = "recorded" if records else "published"
        raise UsageError(f"visitors' cameras are not {kept}; leave out {option} or `browser`")
    if kiosk and (records or publishes) and not record_visitors:
        kept = "keeps" if records else "sends away"
        raise UsageError(
            f"--kiosk with {option} {kept} pictures of whoever comes by; add --record-visitors, and the page says so, "
            f"or leave out {option}"
        )
    if record_visitors and not (kiosk and (records or publishes)):
        raise UsageError("--record-visitors is for --kiosk with --record or --publish; leave it out")


def _build(options: ServeOptions) -> _Server:
    """Binds the port, creates the sources, then the explainer and the session: what fails fast comes first."""
    from live_cam.sources.factory import create_source
    from live_cam.web.security.access import token_needed
    from live_cam.web.security.addresses import local_addresses

    with ExitStack() as on_error:
        listener = on_error.enter_context(bind_port(options.host, options.port))
        sources = [create_source(word, options.camera) for word in options.sources]
        token = options.token
        if token is None and not options.public and token_needed(options.host, options.extra_hosts):
            token = secrets.token_urlsafe(12)
        # These take seconds: nothing in the options can be wrong any more.
        from live_cam.pipeline.session import Session
        from live_cam.web.security.certificate import certificate

        addresses = local_addresses() if options.host in WILDCARDS else []
        chain = certificate([options.host, *options.extra_hosts, *addresses]) if options.https else None
        # Beside the model, which leaves a core idle meanwhile.
        importing = threading.Thread(target=import_module, args=("live_cam.web.app",), name="import", daemon=True)
        importing.start()
        models = options.explainer.open_models()
        explainer, *others = options.explainer.create_all(models, batch_size=max(1, len(sources)), smooth=True)
        importing.join()  # before the session, whose sources are due from then on
        second = others[0] if others else None
        session = Session(
            sources, explainer, options.max_visitors, options.recording, second=second, camera=options.camera
        )
        on_error.pop_all()
    return _Server(listener, session, token, addresses, chain)


def _run(options: ServeOptions, server: _Server) -> int:
    """Serves until interrupted; returns the exit status of the last recording, 0 without one."""
    from live_cam.web.app import LiveApp
    from live_cam.web.server import LiveServer

    scheme, host, token = options.scheme, options.host, server.token
    port = server.listener.getsockname()[1]
    url = page_url(scheme, host, port, token)
    with server.listener, server.session as session:
        is_published = any(options.publish)
        is_recorded = options.record is not None or is_published
        app = LiveApp(
            session, host, token, options.extra_hosts, options.camera, options.kiosk, is_recorded, options.public
        )
        live_server = LiveServer(app, session, server.certificate)
        # From here on a signal raises nothing: an exception anywhere in the end could lose a recording's index.
        handle_signals(live_server.handle_exit)
        handle_hangup(live_server.handle_exit)
        if options.record is not None:
            session.recordings.start(options.view, options.record)
        if is_published:
            session.publishing.start(options.publish, options.view)
        names = ", ".join(feed.name for feed in session.feeds) or "Visitors' cameras"
        echo(f"{names}: {url}  (Ctrl-C stops it)")
        for publisher in session.publishing.statuses:
            echo(f"Publishing {publisher.source} to {publisher.target}")
        # Without HTTPS an extra host is a proxy's, which listens on another port.
        others = [*options.extra_hosts, *server.addresses] if options.https else server.addresses
        print_urls(scheme, others, host, port, token)
        if options.open_browser:
            _open_browser(url)
        app.load_page_in_background(on_failure=live_server.handle_exit)
        live_server.run(sockets=[server.listener])
        handle_signals(session.recordings.finish_quickly)
        if (recording := session.recordings.status) is not None and recording.state in ("recording", "finishing"):
            echo(f"Finishing {_join(session.recordings.videos)}  (Ctrl-C again leaves its index at the end)")
    if app.failure is not None:
        raise app.failure
    return _report_recording(session.recordings.status, session.recordings.videos)


def _report_recording(recording: RecordingStatus | None, videos: Sequence[Path]) -> int:
    """Prints how the last recording ended; returns the exit status for it."""
    if recording is None:
        return 0
    message = recording.message
    if recording.state in ("recording", "finishing"):
        message = f"{_join(videos)} could not be finished: the disk does not respond; what was written plays"
    elif recording.state == "finished":
        echo(f"Recorded {_join(videos)}, {recording.seconds:g} s")
    if message:
        print_error(OutputError(message))
    return OutputError.exit_status if message else 0


def _join(videos: Sequence[Path]) -> str:
    """Returns the paths of the videos; the page shows names only, since others watch it."""
    return ", ".join(map(str, videos))


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"{text!r} is not a size; give width and height in pixels, such as 1280x720")
    return int(width), int(height)


def _open_browser(url: str) -> None:
    """Opens the page, unless only a text browser could, which would take over the terminal."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    timer = threading.Timer(1.0, webbrowser.open, [url])
    timer.daemon = True
    timer.start()
