"""Resizes frames of any size to the network's input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# Rows or columns of the input that one product computes: more multiply by more zeros, fewer take more calls.
_BLOCK_PX: Final = 4
# Bounds the memory of very wide frames; those of up to 2340 pixels take one band.
_BAND_VALUES: Final = 1 << 20 | 1 << 19

_Block = tuple[slice, slice, NDArray[np.float32]]
"""Places of the input, the places of the frame that they depend on, and the weights between them."""


def resize_to_input(frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Resizes each whole frame to the size of the network's input, antialiased.

    Each axis is resized on its own with the triangle filter of Pillow's `BILINEAR`, which widens with the reduction so
    that no pixel is skipped; the result differs from Pillow's by 1 at most. OpenCV has no such filter: INTER_LINEAR
    skips pixels, INTER_AREA has another. `live_cam.explain.runtime.resize_graph.resize_in_graph` does the same on a
    GPU.

    Args:
        frames: N frames uint8 (H, W, 3), each of any size.
        out: Receives the results, uint8 (N, h, w, 3).
    """
    out_height, out_width = out.shape[1:3]
    for frame, resized in zip(frames, out, strict=True):
        if frame.shape == resized.shape:
            resized[...] = frame
            continue
        height, width = frame.shape[:2]
        lines = frame.reshape(height, width * 3)
        vertical, horizontal = _vertical_blocks(height, out_height), _horizontal_blocks(width, out_width)
        blocks_per_band = max(1, _BAND_VALUES // (_BLOCK_PX * width * 3))
        for begin in range(0, len(vertical), blocks_per_band):
            blocks = vertical[begin : begin + blocks_per_band]
            top, bottom = blocks[0][0].start, blocks[-1][0].stop
            band = np.empty((bottom - top, width * 3), np.float32)
            for rows, taps, weights in blocks:
                np.matmul(weights, lines[taps].astype(np.float32), out=band[rows.start - top : rows.stop - top])
            values = np.empty((bottom - top, out_width * 3), np.float32)
            for columns, taps, weights in horizontal:
                np.matmul(band[:, taps], weights, out=values[:, columns])
            resized[top:bottom] = cv2.convertScaleAbs(values).reshape(-1, out_width, 3)


@lru_cache(maxsize=16)
def _vertical_blocks(length: int, out_length: int) -> list[_Block]:
    """Returns the blocks of the triangle filter from one number of pixels to another, with weights (places, taps)."""
    scale = length / out_length
    support = max(scale, 1.0)
    blocks = []
    for begin in range(0, out_length, _BLOCK_PX):
        end = min(begin + _BLOCK_PX, out_length)
        centers = (np.arange(begin, end) + 0.5) * scale
        taps = slice(max(0, int(centers[0] - support)), min(length, int(np.ceil(centers[-1] + support))))
        distance = np.abs(np.arange(taps.start, taps.stop) + 0.5 - centers[:, np.newaxis])
        weights = np.maximum(0.0, 1.0 - distance / support)
        weights /= weights.sum(axis=1, keepdims=True)
        blocks.append((slice(begin, end), taps, weights.astype(np.float32)))
    return blocks


@lru_cache(maxsize=16)
def _horizontal_blocks(length: int, out_length: int) -> list[_Block]:
    """Returns the same blocks for rows of interleaved RGB, with weights (3 taps, 3 places)."""
    rgb = np.eye(3, dtype=np.float32)
    return [
        (
            slice(3 * places.start, 3 * places.stop),
            slice(3 * taps.start, 3 * taps.stop),
            np.ascontiguousarray(np.kron(weights, rgb).T),
        )
        for places, taps, weights in _vertical_blocks(length, out_length)
    ]
