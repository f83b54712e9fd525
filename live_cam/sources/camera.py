"""Local cameras, through OpenCV."""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Set before OpenCV is imported, which may read them only once. On Windows, Media Foundation takes tens of seconds to
# open a camera while it looks for hardware transforms. On macOS, OpenCV refuses to request permission outside the main
# thread, where no camera is opened here; the system requests it by itself when OpenCV does not.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")

import cv2
import numpy as np

from live_cam.errors import SourceError
from live_cam.sources.base import SourceKind
from live_cam.types import Frame

_BACKENDS = {
    "linux": (cv2.CAP_V4L2,),
    "darwin": (cv2.CAP_AVFOUNDATION,),
    "win32": (cv2.CAP_MSMF, cv2.CAP_DSHOW),
}
"""OpenCV's backends for each platform, in the order in which they are tried."""

_PROBED_INDICES = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """What cameras are to deliver, and may do; one that does not support the format delivers the nearest.

    Attributes:
        size_px: Width and height; None for the driver's default.
        rate_fps: Frames per second; None for the driver's default.
        mjpeg: Whether to request JPEG frames, which large sizes need to pass through USB at full rate.
        mirror: Whether to flip frames horizontally, so that people see themselves as in a mirror.
        follow_redirects: Whether network cameras may redirect to other hosts, and refer to segments there.
    """

    size_px: tuple[int, int] | None = None
    rate_fps: float | None = None
    mjpeg: bool = False
    mirror: bool = False
    follow_redirects: bool = False


class CameraSource:
    """A camera by index or device path."""

    kind: SourceKind = "camera"

    def __init__(self, device: int | str, options: CameraOptions = CameraOptions()) -> None:
        self.name = f"Camera {device}"
        self.device = device
        self._options = options
        self._logged_sizes_px: set[tuple[int, int]] = set()

    def open(self) -> CameraStream:
        """Opens and configures the camera.

        Raises:
            SourceError: There is no such camera, this user may not open it, or its driver fails.
        """
        capture = open_capture(self.device)
        try:
            configure(capture, self._options)
        except cv2.error as error:
            capture.release()
            raise driver_error(self.name, error) from error
        return CameraStream(capture, self.name, self._options, self._logged_sizes_px)


class CameraStream:
    """An open camera."""

    frozen_after_s: float | None = 1.5

    def __init__(
        self, capture: cv2.VideoCapture, name: str, options: CameraOptions, logged_sizes_px: set[tuple[int, int]]
    ) -> None:
        self._capture = capture
        self._name = name
        self._options = options
        self._logged_sizes_px = logged_sizes_px

    def read(self) -> Frame:
        """Waits for the next frame and returns it.

        Raises:
            SourceError: The camera delivers no frame.
        """
        try:
            ok, bgr = self._capture.read()
            pts_ns = time.monotonic_ns()
            if not ok:
                raise SourceError(
                    f"{self._name} delivers no frames; close other programs that use it, or plug it in again"
                )
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            if self._options.mirror:
                rgb = cv2.flip(rgb, 1)
        except cv2.error as error:
            raise driver_error(self._name, error) from error
        # Checked on the frame, since drivers may report another size than they deliver.
        self._log_other_size((rgb.shape[1], rgb.shape[0]))
        return Frame(np.asarray(rgb, np.uint8), pts_ns)

    def close(self) -> None:
        """Releases the camera."""
        self._capture.release()

    def _log_other_size(self, size_px: tuple[int, int]) -> None:
        requested_px = self._options.size_px
        if requested_px in (None, size_px) or size_px in self._logged_sizes_px:
            return
        self._logged_sizes_px.add(size_px)
        _log.warning("%s delivers %dx%d instead of %dx%d", self._name, *size_px, *requested_px)


def find_cameras(options: CameraOptions = CameraOptions()) -> list[CameraSource]:
    """Returns the cameras that may be on this machine, whether or not they work."""
    if sys.platform == "linux":
        numbers = [path.name.removeprefix("video") for path in Path("/dev").glob("video[0-9]*")]
        indices = sorted(int(number) for number in numbers if number.isdigit())
    else:
        indices = list(range(_PROBED_INDICES))
    return [CameraSource(index, options) for index in indices]


def open_capture(device: int | str) -> cv2.VideoCapture:
    """Opens a camera with the first backend that can.

    Raises:
        SourceError: There is no such camera, this user may not open it, or its driver fails.
    """
    name = f"Camera {device}"
    if sys.platform == "linux":
        path = f"/dev/video{device}" if isinstance(device, int) else device
        if not os.access(path, os.F_OK):
            raise SourceError(f"there is no camera {path}; plug one in, or see the demo with `live-cam demo`")
        if not os.access(path, os.R_OK | os.W_OK):
            raise SourceError(f"this user may not open {path}; add them to the group that owns it (video)")
    failure: cv2.error | None = None
    for backend in _BACKENDS.get(sys.platform, (cv2.CAP_ANY,)):
        try:
            capture = cv2.VideoCapture(device, backend)
        except cv2.error as error:
            failure = error
            continue
        if capture.isOpened():
            return capture
        capture.release()
    if failure is not None:
        raise driver_error(name, failure) from failure
    raise SourceError(f"{name} can't be opened: it is no camera, or another program is using it")


def configure(capture: cv2.VideoCapture, options: CameraOptions) -> None:
    """Requests a format, a size and a rate of an open camera; only its frames show whether it complies."""
    # The format comes first: the available sizes and rates depend on it.
    if options.mjpeg:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    if options.size_px is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, options.size_px[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, options.size_px[1])
    if options.rate_fps is not None:
        capture.set(cv2.CAP_PROP_FPS, options.rate_fps)


def driver_error(name: str, error: cv2.error) -> SourceError:
    """Returns OpenCV's error, which has several lines and source locations, as an error of one line."""
    reason = " ".join(str(getattr(error, "err", "") or error).split())
    return SourceError(f"{name} failed ({reason}); unplug it and plug it in again")
