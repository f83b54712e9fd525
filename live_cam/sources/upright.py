"""Decoded pictures as arrays: in their true colours, the right way up."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import av
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

_UNSPECIFIED = 2
_HD_HEIGHT_PX = 720
_SCALER_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""From the matrices of H.273, which frames carry, to the numbers that FFmpeg's scaler gives the same matrices."""
_BT601, _BT709 = 5, 1

_of_thread = threading.local()


def upright(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """Gives a decoded picture, turned and mirrored as its display matrix says.

    Returns:
        uint8 (H, W, 3), RGB, contiguous.
    """
    rgb = _rgb(picture)
    a, b, c, d = _orientation(picture)
    # A point moves to x' = ax + cy, y' = bx + dy.
    if abs(b) + abs(c) > abs(a) + abs(d):
        rgb = rgb.transpose(1, 0, 2)
        flip_rows, flip_columns = b < 0, c < 0
    else:
        flip_rows, flip_columns = d < 0, a < 0
    return np.ascontiguousarray(rgb[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def _rgb(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """Converts with the matrix and the range that the picture is tagged with, else with what is usual at its size."""
    usual = _BT709 if picture.height >= _HD_HEIGHT_PX else _BT601
    matrix = usual if picture.colorspace == _UNSPECIFIED else _SCALER_MATRICES.get(picture.colorspace)
    # PyAV would take what is untagged for BT.601. The matrix of the target is of no account, since RGB has none; it is
    # named since some versions convert by the source's only if the two differ.
    converted = _scaler().reformat(
        picture,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=_BT601 if matrix != _BT601 else _BT709,
        src_color_range=picture.color_range or None,
    )
    return np.asarray(converted.to_ndarray(), np.uint8)


def _scaler() -> VideoReformatter:
    """Gives this thread's scaler; PyAV would make one for each picture, which takes as long as scaling it."""
    if not hasattr(_of_thread, "scaler"):
        _of_thread.scaler = VideoReformatter()
    scaler: VideoReformatter = _of_thread.scaler
    return scaler


def _orientation(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    """Gives a, b, c, d of the display matrix."""
    try:
        # Not by `picture.side_data`, which would hold the picture, and the picture it, until the collector comes.
        found: Mapping[str, SideData] = SideDataContainer(picture)  # type: ignore[call-arg]
        matrix = found.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV knows no name for some kinds of side data, such as EXIF, and then gives none of them.
        return ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[round(picture.rotation / 90) % 4]
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    return a, b, c, d
