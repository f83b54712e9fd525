"""The explanation over the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.frame import Explanation, Frame, Look, Style
from live_cam.render.contours import draw_lines
from live_cam.render.heatmap import paint_colors
from live_cam.render.spotlight import dim_the_rest

_Paint = Callable[[NDArray[np.uint8], NDArray[np.float32], float, str], NDArray[np.uint8]]

_STYLES: Final[dict[Style, _Paint]] = {
    "heatmap": paint_colors,
    "contours": draw_lines,
    "spotlight": lambda rgb, relative, weight, _: dim_the_rest(rgb, relative, weight),
}


def overlay(frame: Frame, explanation: Explanation, look: Look) -> NDArray[np.uint8]:
    """Paints the saliency map over the frame.

    Every style shows less the less evidence there is: where there is none the picture stays as it is.

    Args:
        frame: The picture.
        explanation: The map to paint over it; it covers the whole frame.
        look: How to paint it; under full evidence it is as opaque as that says.

    Returns:
        uint8 (H, W, 3), RGB, of the frame's size.
    """
    if explanation.scale <= 0.0 or explanation.strength <= 0.0 or look.opacity <= 0.0:
        return frame.rgb
    relative = np.clip(explanation.steady_map / explanation.scale, 0.0, 1.0)
    weight = min(look.opacity, 1.0) * explanation.strength
    return _STYLES[look.style](frame.rgb, relative, weight, look.colormap)
