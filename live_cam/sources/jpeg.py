"""JPEG data that others send: checked in microseconds before anything decodes it."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.errors import SourceError

_MAX_SCANS = 32
"""Encoders write about 10, and decoding passes over all pixels once for each."""
_MAX_SEGMENTS = 256
_START = b"\xff\xd8"
_SCAN = b"\xff\xda"
_BASELINE_TO_PROGRESSIVE = b"\xc0\xc1\xc2"
_OTHER_FRAME_HEADERS = b"\xc3\xc5\xc6\xc7\xc9\xca\xcb\xcd\xce\xcf"
# Marker and length. Those without a length, and the start of a scan, have no place before the frame header.
_SEGMENT = re.compile(rb"\xff+([\xc0-\xcf\xdb-\xfe])(..)", re.DOTALL)


class JpegLimitError(SourceError):
    """A JPEG needs more than any camera's does: of pixels, scans, time or memory."""


def check_jpeg(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Reads a JPEG's header, and counts its scans.

    Returns:
        Width and height in pixels.

    Raises:
        JpegLimitError: It has too many pixels or scans.
        SourceError: It is no JPEG, or in a mode that cameras and browsers don't write (arithmetic coding, lossless).
    """
    width_px, height_px = read_jpeg_size(data)
    if width_px * height_px > max_pixels:
        raise JpegLimitError(f"an image of {width_px}x{height_px} was sent; send at most {max_pixels} pixels")
    # These two bytes start each scan, and occur elsewhere in metadata only.
    if (num_scans := data.count(_SCAN)) > _MAX_SCANS:
        raise JpegLimitError(f"an image with {num_scans} scans was sent; send at most {_MAX_SCANS}")
    return width_px, height_px


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Decodes a JPEG that has been checked; its EXIF orientation is ignored.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        SourceError: It is damaged.
    """
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise SourceError("an image that was sent is damaged; send it again")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_jpeg_size(data: bytes) -> tuple[int, int]:
    """Returns width and height from the frame header.

    Raises:
        SourceError: There is none that the decoder would accept.
    """
    position = len(_START)
    for _ in range(_MAX_SEGMENTS if data.startswith(_START) else 0):
        segment = _SEGMENT.match(data, position)
        if segment is None or segment[1] in _OTHER_FRAME_HEADERS:
            break
        if segment[1] in _BASELINE_TO_PROGRESSIVE:
            header = data[segment.end() : segment.end() + 5]  # bits per sample, height, width
            width_px, height_px = int.from_bytes(header[3:]), int.from_bytes(header[1:3])
            if len(header) < 5 or not width_px or not height_px:
                break
            return width_px, height_px
        position = segment.end(1) + int.from_bytes(segment[2])
    raise SourceError("an image that was sent is no JPEG; send JPEG")
