"""Frames to measure with: a photograph that is part of Gradio."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb

Size = tuple[int, int]
"""Width and height in pixels."""

PHOTOGRAPH = "lion.jpg"
_NOISE = 2.0
_STEP_PX = 3


def parse_size(text: str) -> Size:
    """Parses a size such as `640x480`."""
    width, _, height = text.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit() and int(width) * int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return int(width), int(height)


def format_size(size: Size) -> str:
    """Returns the text that `parse_size` parses."""
    return f"{size[0]}x{size[1]}"


def photograph(size: Size) -> NDArray[np.uint8]:
    """Returns the photograph at `size`: uint8 (H, W, 3), RGB."""
    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        raise SourceError("gradio, whose photograph is measured with, is not installed; ./scripts/run installs it")
    rgb = read_rgb(Path(spec.origin).parent / "media_assets" / "images" / PHOTOGRAPH)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def camera_frames(size: Size, count: int) -> list[NDArray[np.uint8]]:
    """Returns `count` frames, uint8 (H, W, 3), RGB, as of a camera that moves a little over the photograph.

    They contain noise, as a sensor's frames do: an enlarged photograph is smoother than what a JPEG encoder gets from
    a camera.
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
