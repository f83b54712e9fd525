"""A camera of this machine, through OpenCV."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from live_cam.errors import SourceError
from live_cam.frame import Frame
from live_cam.sources.source import SourceKind

_PROBED_INDICES = 3


class CameraSource:
    """A camera by index or by device path."""

    kind: SourceKind = "camera"

    def __init__(self, device: int | str) -> None:
        self.name = f"Camera {device}"
        self._device = device
        self._capture: cv2.VideoCapture | None = None
        self._seq = 0

    def open(self) -> None:
        """Opens the camera.

        Raises:
            SourceError: There is no such camera, or this user may not open it.
        """
        self.close()
        path = Path(f"/dev/video{self._device}" if isinstance(self._device, int) else self._device)
        if sys.platform == "linux":
            if not path.exists():
                raise SourceError(f"there is no camera {path}; plug one in, or see the demo with `live-cam demo`")
            if not os.access(path, os.R_OK | os.W_OK):
                raise SourceError(f"this user may not open {path}; add them to the group that owns it (video)")
        capture = cv2.VideoCapture(self._device)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.name} can't be opened: it is no camera, or another program is using it")
        self._capture = capture

    def read(self) -> Frame:
        """Waits for the next frame and gives it.

        Raises:
            SourceError: The camera gives no frame.
        """
        if self._capture is None:
            raise SourceError(f"{self.name} is not open")
        delivered, bgr = self._capture.read()
        pts_ns = time.monotonic_ns()
        if not delivered:
            raise SourceError(f"{self.name} gives no picture; another program may be using it, or it was unplugged")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        frame = Frame(rgb, pts_ns, self._seq, self.name)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Lets go of the camera."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def find_cameras() -> list[CameraSource]:
    """Gives the cameras that may be on this machine, whether or not they work."""
    devices: list[int | str]
    if sys.platform == "linux":
        paths = Path("/dev").glob("video[0-9]*")
        devices = [str(path) for path in sorted(paths, key=lambda path: (len(path.name), path.name))]
    else:
        devices = list(range(_PROBED_INDICES))
    return [CameraSource(device) for device in devices]
