"""Frames as a camera that other programs of this machine open; runs in a process of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import OutputError
from live_cam.sinks.video_writer import even_size, letterbox

_RATE_FPS = 30.0


class VirtualCamera:
    """A device of OBS or v4l2loopback; frames of another size than the first are letterboxed.

    Args:
        size_px: Width and height of the frames.

    Raises:
        OutputError: pyvirtualcam finds no device. The message continues a sentence that starts with the target's name.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        import pyvirtualcam  # of the extra `virtual-camera`

        self._size_px = even_size(size_px)
        try:
            self._camera: Any = pyvirtualcam.Camera(*self._size_px, fps=_RATE_FPS)
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).split()).partition(". ")[0]
            raise OutputError(
                f"can't be opened ({reason}); on Linux load the module v4l2loopback, elsewhere install OBS"
            ) from error

    def write(self, rgb: NDArray[np.uint8], pts_ns: int) -> None:
        """Shows a frame: uint8 (H, W, 3), RGB; cameras have no timestamps."""
        del pts_ns
        self._camera.send(letterbox(rgb, self._size_px))

    def close(self) -> None:
        """Gives the device back."""
        self._camera.close()
