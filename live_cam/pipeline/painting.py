"""One picture as it is seen: the map over it, or two of them side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation, Frame, Look
from live_cam.render.overlay import overlay
from live_cam.render.panes import beside


def paint(frame: Frame, explanation: Explanation, other: Explanation | None, look: Look) -> NDArray[np.uint8]:
    """Paints one explanation over the frame, or two, each over the frame in a pane of its own.

    Returns:
        uint8 (H, W, 3), RGB; two panes are wider than the frame.
    """
    picture = overlay(frame, explanation, look)
    return picture if other is None else beside(picture, overlay(frame, other, look))
