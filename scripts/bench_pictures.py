"""The pictures to measure with: real photographs, which every installation of Gradio brings."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.sources.image import read_rgb

Size = tuple[int, int]
"""Width and height in pixels."""

PHOTOGRAPH = "lion.jpg"
_NOISE = 2.0
_STEP_PX = 3


def parse_size(text: str) -> Size:
    """Reads a size such as `640x480`."""
    width, _, height = text.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit() and int(width) * int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return int(width), int(height)


def photograph(size: Size) -> NDArray[np.uint8]:
    """Gives the photograph at `size`: uint8 (H, W, 3), RGB."""
    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        raise SourceError("the photograph to measure with is Gradio's, which is not installed")
    rgb = read_rgb(Path(spec.origin).parent / "media_assets" / "images" / PHOTOGRAPH)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def camera_frames(size: Size, count: int) -> list[NDArray[np.uint8]]:
    """Gives `count` views of the photograph as a camera that moves a little would: each uint8 (H, W, 3), RGB.

    They hold noise, as a sensor's pictures do, since a photograph made larger is smoother than what a JPEG encoder
    meets in a camera's picture.
    """
    width, height = size
    larger = photograph((width + count * _STEP_PX, height + count * _STEP_PX)).astype(np.float32)
    generator = np.random.default_rng(0)
    frames = []
    for i in range(count):
        view = larger[i * _STEP_PX :, i * _STEP_PX :][:height, :width]
        noisy = view + generator.normal(0.0, _NOISE, view.shape).astype(np.float32)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames
