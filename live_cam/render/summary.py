"""An overlay with the top classes below it, in one image."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from live_cam.render.overlay import overlay
from live_cam.types import Explanation, Frame, OverlayStyle

_MAX_PX: Final = (640, 480)
_MIN_PX: Final = 224
_MIN_WIDTH_PX: Final = 360
_FONT_PX: Final = 15
_ROW_PX: Final = 24
_PERCENT_PX: Final = 60
_BAR_RGB: Final = (214, 228, 246)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_summary(frame: Frame, explanation: Explanation, overlay_style: OverlayStyle) -> NDArray[np.uint8]:
    """Draws the overlay, and below it what is explained and the top classes with their probabilities.

    Returns:
        uint8 (H, W, 3), RGB. Images larger than 640x480 are scaled down to fit, those smaller than 224 enlarged.
    """
    return with_classes(overlay(Frame(fit(frame.rgb), frame.pts_ns), explanation, overlay_style), explanation)


def with_classes(rgb: NDArray[np.uint8], explanation: Explanation) -> NDArray[np.uint8]:
    """Adds what is explained and the top classes with their probabilities below a picture.

    Labels in scripts that the font lacks are replaced by the numbers of their classes.

    Returns:
        uint8 (H + rows, W, 3), RGB; W is 360 at least.
    """
    height, width = rgb.shape[:2]
    full_width = max(width, _MIN_WIDTH_PX)
    canvas = Image.new("RGB", (full_width, height + _ROW_PX * (1 + len(explanation.top))), "white")
    canvas.paste(Image.fromarray(rgb), ((full_width - width) // 2, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(_FONT_PX)
    subject = f"explained is {_drawable(font, explanation.subject, explanation.target.index)}"
    if not explanation.has_evidence:
        subject += " (no evidence: nothing to draw)"
    draw.text((8, height + 3), shorten(font, subject, full_width - 16), "black", font)
    for row, score in enumerate(explanation.top, start=1):
        y = height + row * _ROW_PX
        draw.rectangle((0, y, round(score.probability * full_width), y + _ROW_PX - 2), _BAR_RGB)
        draw.text((_PERCENT_PX, y + 3), f"{score.probability:.1%}", "black", font, "ra")
        label = shorten(font, _drawable(font, score.label, score.index), full_width - _PERCENT_PX - 20)
        draw.text((_PERCENT_PX + 12, y + 3), label, "black", font)
    return np.asarray(canvas)


def fit(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a picture scaled down to 640x480 if it is larger, and enlarged by a whole factor if under 224."""
    height, width = rgb.shape[:2]
    scale = min(_MAX_PX[0] / width, _MAX_PX[1] / height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    factor = max(1, _MIN_PX // max(height, width))
    return rgb.repeat(factor, axis=0).repeat(factor, axis=1)


def _drawable(font: Font, text: str, index: int | None) -> str:
    """Returns text in one line, or the number of its class if the font lacks a character."""
    return " ".join(text.split()) if is_drawable(font, text) else f"class {index}"


def is_drawable(font: Font, text: str) -> bool:
    """Returns whether the font has all characters of a text, but for white space."""
    missing = bytes(font.getmask("\U0010ffff"))
    return all(bytes(font.getmask(each)) != missing for each in set("".join(text.split())))


def shorten(font: Font, text: str, width_px: float) -> str:
    """Returns a text, cut so that it is no wider."""
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(f"{text}…") > width_px:
        text = text[:-1]
    return f"{text}…"
