"""Pictures that the table of ranges of ResNet50 was not made from: those that ship with Gradio."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError
from live_cam.explain.runtime.int8.crops import VALIDATION_N, crops
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.sources.pictures.reader import read_rgb

_PHOTOGRAPHS: Final = ("lion.jpg", "cheetah.jpg", "cheetah1.jpg", "tower.jpg", "groot.jpeg")
_VIDEO: Final = "world.mp4"
_FRAMES_N: Final = 15
_SEED: Final = 1


def held_out_crops(number: int = VALIDATION_N) -> list[NDArray[np.uint8]]:
    """Returns crops of five photographs and of the frames of a video.

    Raises:
        SourceError: Gradio's media files are missing.
    """
    spec = find_spec("gradio")  # without importing it, which only `live_cam.web` may do
    media = Path((spec and spec.origin) or "").parent / "media_assets"
    if not (media / "videos" / _VIDEO).is_file():
        raise SourceError("the photographs that int8 is judged on are missing; reinstall gradio")
    photographs = [read_rgb(media / "images" / name) for name in _PHOTOGRAPHS]
    frames = video_frames(media / "videos" / _VIDEO, _FRAMES_N)
    return crops([each for frame in frames for each in (*photographs, frame)], number, _SEED)


def video_frames(path: Path, number: int) -> list[NDArray[np.uint8]]:
    """Returns so many frames of a video, uint8 (H, W, 3), RGB, at equal distances.

    Raises:
        SourceError: It can't be read.
    """
    with IsolatedVideoReader(path) as video:
        total = video.info.num_frames or number
        every = max(1, total // number)
        frames = []
        for i in range(every * number):
            decoded = video.read()
            if decoded is None:
                break
            if i % every == 0:
                frames.append(decoded.rgb)
    return frames
