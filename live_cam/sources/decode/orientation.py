"""Conversion of decoded frames to upright RGB arrays with correct colours."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import SideData, SideDataContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

_UNSPECIFIED = 2
_HD_HEIGHT_PX = 720
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""From the matrix coefficients of H.273, which frames carry, to libswscale's constants for the same matrices."""
_BT601, _BT709 = 5, 1

_thread_local = threading.local()


def apply_display_matrix(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Returns a decoded frame, rotated and flipped according to its display matrix.

    Returns:
        uint8 (H, W, 3), RGB, contiguous.
    """
    rgb = _rgb(frame)
    a, b, c, d = _display_matrix(frame)
    # A point moves to x' = ax + cy, y' = bx + dy.
    if abs(b) + abs(c) > abs(a) + abs(d):
        rgb = rgb.transpose(1, 0, 2)
        flip_rows, flip_columns = b < 0, c < 0
    else:
        flip_rows, flip_columns = d < 0, a < 0
    return np.ascontiguousarray(rgb[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def upright_pixel_ratio(stream: VideoStream, frame: av.VideoFrame) -> Fraction:
    """Returns the width of a pixel of upright frames divided by its height; 1 if it is not declared."""
    stored = stream.sample_aspect_ratio or Fraction(1)
    is_quarter_turn = round(frame.rotation / 90) % 2 == 1
    return 1 / stored if is_quarter_turn else stored


def _rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Converts with the matrix and range that the frame is tagged with, by default the usual matrix for its size."""
    default = _BT709 if frame.height >= _HD_HEIGHT_PX else _BT601
    matrix = default if frame.colorspace == _UNSPECIFIED else _SWSCALE_MATRICES.get(frame.colorspace)
    # PyAV would take untagged frames for BT.601. The target's matrix has no effect on RGB; it is set since some
    # versions of PyAV apply the source's only if the two differ.
    converted = _reformatter().reformat(
        frame,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=_BT601 if matrix != _BT601 else _BT709,
        src_color_range=frame.color_range or None,
    )
    return np.asarray(converted.to_ndarray(), np.uint8)


def _reformatter() -> VideoReformatter:
    """Returns this thread's reformatter; PyAV would create one per frame, which takes as long as the conversion."""
    if not hasattr(_thread_local, "reformatter"):
        _thread_local.reformatter = VideoReformatter()
    reformatter: VideoReformatter = _thread_local.reformatter
    return reformatter


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Returns a, b, c, d of the display matrix."""
    try:
        # Not `frame.side_data`, which creates a reference cycle that keeps the frame until garbage collection.
        side_data: Mapping[str, SideData] = SideDataContainer(frame)  # type: ignore[call-arg]
        matrix = side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV fails if there is any side data that it does not know, such as EXIF.
        return ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[round(frame.rotation / 90) % 4]
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    return a, b, c, d
