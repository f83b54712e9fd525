"""Videos read back, as other programs would."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import pytest


@dataclass
class ReadBack:
    """What a video file gives to one who plays it."""

    pts: list[int]
    time_base: Fraction
    pictures: list[np.ndarray]
    boxes: list[str]

    @property
    def times_s(self):
        return [float(pts * self.time_base) for pts in self.pts]


@pytest.fixture(scope="session")
def read_back():
    """Reads a video: `read_back(path)`."""

    def read(path):
        with av.open(path) as container:
            stream = container.streams.video[0]
            pictures = list(container.decode(stream))
            assert {picture.colorspace for picture in pictures} == {6}  # BT.601's matrix, in H.273
            rgb = [picture.to_ndarray(format="rgb24", src_colorspace="ITU601") for picture in pictures]
            return ReadBack([picture.pts for picture in pictures], stream.time_base, rgb, _boxes(path))

    return read


def _boxes(path):
    """Names the boxes at the top level of an MP4 file."""
    data, names, at = path.read_bytes(), [], 0
    while at + 8 <= len(data) and path.suffix == ".mp4":
        size, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        size = int.from_bytes(data[at + 8 : at + 16]) if size == 1 else size
        names.append(name.decode("latin-1"))
        at += max(size, 8)
    return names
