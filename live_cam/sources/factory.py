"""Sources from their names on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from live_cam.errors import SourceError, UsageError
from live_cam.sources.base import InterruptibleSource, Source
from live_cam.sources.camera import CameraOptions, CameraSource, find_cameras
from live_cam.sources.demo import DemoSource
from live_cam.sources.folder import FolderSource
from live_cam.sources.image_file import ImageSource
from live_cam.sources.network import DEFAULT_POLL_FPS, NetworkSource
from live_cam.sources.pictures.formats import format_of
from live_cam.sources.probe import run_probe
from live_cam.sources.spec import check_spec, is_camera, is_folder
from live_cam.sources.url import HTTP_SCHEMES
from live_cam.sources.video_file import FileSource

_FIRST_FRAME_LIMIT_S = 5.0
# Of all but cameras: connections and decoder processes have limits of their own, and start slowly on a busy machine.
_OTHERS_LIMIT_S = 20.0
_CAMERA_OPTIONS = frozenset(("--size", "--rate", "--mjpeg", "--mirror"))


def create_source(spec: str, options: CameraOptions = CameraOptions(), *, is_tried: bool = True) -> Source:
    """Returns the source that `spec` names.

    For `auto`, a file or a folder, one frame is read first, and the source closed again. Cameras and URLs are not
    tried, since they may become available later.

    Args:
        spec: `auto` (the first camera that delivers a frame, else the demo), `demo`, a camera's index or device path,
            the URL of a network camera, a video or image file, or a folder of images.
        options: What cameras are to deliver, and may do.
        is_tried: Whether a frame of a file or folder is read now.

    Raises:
        UsageError: It is a URL with an unsupported scheme.
        SourceError: The file or folder does not exist, or delivers no frame.
    """
    check_spec(spec)
    if spec == "auto":
        return first_camera(options) or DemoSource("Demo (no camera delivers frames)", is_in_place_of_camera=True)
    if spec == "demo":
        return DemoSource()
    if is_camera(spec):
        return CameraSource(int(spec) if spec.isdigit() else spec, options)
    if "://" in spec:
        return NetworkSource(spec, options.follow_redirects, options.rate_fps or DEFAULT_POLL_FPS)
    source = _file_source(spec)
    if is_tried:
        require_frame(source)
    return source


def validate_camera_options(specs: Sequence[str], options: CameraOptions) -> None:
    """Raises UsageError for camera options that no given source supports.

    Args:
        specs: As for `create_source`, or `browser`: a browser's camera takes all options but the pixel format. An HTTP
            camera takes the rate, in case it responds with one picture.
        options: The options.

    Raises:
        UsageError: There is such an option.
    """
    supported: set[str] = set()
    for spec in specs:
        if spec == "browser":
            supported |= _CAMERA_OPTIONS - {"--mjpeg"}
        elif spec == "auto" or is_camera(spec):
            supported |= _CAMERA_OPTIONS
        elif spec.partition("://")[0].lower() in HTTP_SCHEMES:
            supported |= {"--rate"}
    given = {
        "--size": options.size_px is not None,
        "--rate": options.rate_fps is not None,
        "--mjpeg": options.mjpeg,
        "--mirror": options.mirror,
    }
    unsupported = [name for name, is_given in given.items() if is_given and name not in supported]
    if unsupported:
        which = "local cameras" if unsupported == ["--mjpeg"] else "local and browser cameras"
        if unsupported == ["--rate"]:
            which = "local and browser cameras and http:// addresses"
        raise UsageError(f"only {which} support {' and '.join(unsupported)}, and none is given; omit the option")
    if options.follow_redirects and not any("://" in spec for spec in specs):
        raise UsageError("only network cameras can redirect, and none is given; omit --follow-redirects")


def first_camera(options: CameraOptions = CameraOptions()) -> CameraSource | None:
    """Returns the first local camera that delivers a frame, closed again, or None."""
    for camera in find_cameras(options):
        with suppress(SourceError):
            require_frame(camera)
            return camera
    return None


def require_frame(source: Source) -> None:
    """Opens a source, reads one frame and closes it.

    Raises:
        SourceError: The source fails, or delivers no frame in time.
    """

    def read_one() -> None:
        stream = source.open()
        try:
            stream.read()
        finally:
            stream.close()

    try:
        run_probe(source.name, read_one, _FIRST_FRAME_LIMIT_S if source.kind == "camera" else _OTHERS_LIMIT_S)
    except SourceError:
        if isinstance(source, InterruptibleSource):
            source.interrupt()
        raise


def _file_source(spec: str) -> Source:
    path = Path(spec)
    if is_folder(spec):
        return FolderSource(path)
    return ImageSource(path) if format_of(path) else FileSource(path)
