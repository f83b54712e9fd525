"""Two overlays side by side, with names above."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from live_cam.render.layout import hstack_frames
from live_cam.render.summary import is_drawable, shorten

_MIN_FONT_PX: Final = 12
_FONT_OF_WIDTH: Final = 1 / 24


def draw_named_pair(overlays: tuple[NDArray[np.uint8], NDArray[np.uint8]], names: tuple[str, str]) -> NDArray[np.uint8]:
    """Stacks two overlays horizontally, with a name above each.

    Names in scripts that the font lacks are replaced by numbers.

    Args:
        overlays: uint8 (H, W, 3), RGB; both of the same shape.
        names: Their names.

    Returns:
        uint8 (H + line, 2 W + gap, 3), RGB.
    """
    pair = hstack_frames(*overlays)
    height, width = pair.shape[:2]
    left_width = overlays[0].shape[1]
    font_px = max(_MIN_FONT_PX, round(left_width * _FONT_OF_WIDTH))
    line_px = 2 * font_px
    canvas = Image.new("RGB", (width, height + line_px), "white")
    canvas.paste(Image.fromarray(pair), (0, line_px))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(font_px)
    for number, (name, left) in enumerate(zip(names, (0, width - left_width), strict=True), start=1):
        shown = " ".join(name.split()) if is_drawable(font, name) else f"model {number}"
        draw.text((left + 4, line_px / 2), shorten(font, shown, left_width - 8), "black", font, "lm")
    return np.asarray(canvas)
