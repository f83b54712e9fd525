"""`live-cam serve`: sources explained live on a web page."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from live_cam.cli.cluster import RayOption
from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import CodecOption, ExplainerOptions, SubtitlesOption
from live_cam.cli.page import PageOptions
from live_cam.cli.port import DEFAULT_PORT
from live_cam.cli.server import ServeOptions, build_server, run_server
from live_cam.cli.terminal import announce_start
from live_cam.cli.usage import source_word
from live_cam.cli.wall import WallOptions, list_of_wall, serve_wall
from live_cam.errors import UsageError

_MAX_SOURCES = 16


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
    teach: Annotated[
        bool, typer.Option("--teach", help="With --kiosk: let visitors teach two classes; forgotten when they leave.")
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
    ray: RayOption = None,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Explain SOURCE live on a web page.

    The model sees each whole frame, squeezed to the size of its input.
    """
    from live_cam.sources.spec import check_spec

    page = PageOptions(host, port, tuple(allow_host or ()), token, https, open_, public)
    if ray is not None:
        given = {
            "--record": record is not None,
            "--record-visitors": record_visitors,
            "--recordings-dir": recordings_dir is not None,
            "--view": view != "overlay",
            "--publish": bool(publish),
            "--virtual-camera": virtual_camera,
            "--kiosk": kiosk,
            "--teach": teach,
            "--public": public,
            "a second --model": explainer_options.second is not None,
        }
        cameras = list_of_wall(sources or (), [name for name, is_given in given.items() if is_given])
        from live_cam.sources.camera import CameraOptions
        from live_cam.web.security.access import check_token

        check_token(host, token, allow_host or ())
        serve_wall(
            WallOptions(
                ray=ray,
                cameras=cameras,
                camera=CameraOptions(_parse_size(size), rate, mjpeg, mirror, follow_redirects),
                page=page,
                explainer=explainer_options,
            )
        )
        sys.stdout.flush()
        os._exit(0)
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
    if teach and not kiosk:
        raise UsageError("--teach is for --kiosk; without it the page has Teach at the top, so leave it out")
    if teach and len(words) > 1:
        raise UsageError("--teach is for one source; give one")
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
        page=page,
        kiosk=kiosk,
        teach=teach,
        record=record,
        view=view,
        recording=recording,
        publish=targets,
        explainer=explainer_options,
    )
    with private_temporary_folder():
        status = run_server(options, build_server(options))
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


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"{text!r} is not a size; give width and height in pixels, such as 1280x720")
    return int(width), int(height)
