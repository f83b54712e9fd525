"""Resizes frames of any size to the network's input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from live_cam.types import Box, Resize

# Rows or columns of the input that one product computes: more multiply by more zeros, fewer take more calls.
_BLOCK_PX: Final = 4
# Bounds the memory of very wide frames; those of up to 2340 pixels take one band.
_BAND_VALUES: Final = 1 << 20 | 1 << 19

_Block = tuple[slice, slice, NDArray[np.float32]]
"""Places of the input, the places of the frame that they depend on, and the weights between them."""


def map_box(frame_px: tuple[int, int], input_px: tuple[int, int], resize: Resize) -> Box:
    """Returns what of a frame the network's input shows, and so the map covers; padding lies beyond 0..1.

    Args:
        frame_px: Height and width of the frame.
        input_px: Height and width of the input.
        resize: How the one becomes the other.
    """
    height, width = frame_px
    left, top, right, bottom = _input_box_px(frame_px, input_px, resize)
    return left / width, top / height, right / width, bottom / height


def box_in_input(box: Box, covered: Box) -> Box:
    """Returns where a box of the frame is in the input, 0..1, of which `covered` is the box in the frame."""
    left, top, right, bottom = covered
    (x0, x1), (y0, y1) = (
        tuple(min(max((edge - start) / (end - start), 0.0), 1.0) for edge in edges)
        for edges, start, end in ((box[::2], left, right), (box[1::2], top, bottom))
    )
    return x0, y0, x1, y1


def _input_box_px(frame_px: tuple[int, int], input_px: tuple[int, int], resize: Resize) -> tuple[int, int, int, int]:
    """Returns the same in pixels, rounded as Keras does for `crop_to_aspect_ratio` and `pad_to_aspect_ratio`."""
    height, width = frame_px
    if resize == "stretch":
        return 0, 0, width, height
    fit = min if resize == "crop" else max
    fitted_height = max(1, fit(height, width * input_px[0] // input_px[1]))
    fitted_width = max(1, fit(width, height * input_px[1] // input_px[0]))
    left, top = int((width - fitted_width) / 2), int((height - fitted_height) / 2)
    if resize == "pad":  # by as much on both sides, which an odd difference does not fill
        return left, top, width - left, height - top
    return left, top, left + fitted_width, top + fitted_height


def resize_to_input(
    frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], out: NDArray[np.uint8], resize: Resize = "stretch"
) -> None:
    """Resizes each frame to the size of the network's input, antialiased.

    Each axis is resized on its own with the triangle filter of Pillow's `BILINEAR`, which widens with the reduction so
    that no pixel is skipped; the result differs from Pillow's by 1 at most. OpenCV has no such filter: INTER_LINEAR
    skips pixels, INTER_AREA has another. `live_cam.explain.runtime.resize_graph.resize_in_graph` stretches on a GPU.

    Args:
        frames: N frames uint8 (H, W, 3), each of any size.
        out: Receives the results, uint8 (N, h, w, 3).
        resize: How frames of another aspect ratio become inputs.
    """
    out_height, out_width = out.shape[1:3]
    for frame, resized in zip(frames, out, strict=True):
        if frame.shape == resized.shape:
            resized[...] = frame
            continue
        left, top, right, bottom = _input_box_px(frame.shape[:2], (out_height, out_width), resize)
        before, after = (max(0, -top), max(0, -left)), (max(0, bottom - len(frame)), max(0, right - frame.shape[1]))
        shown = frame[max(0, top) : bottom, max(0, left) : right]
        height, width = shown.shape[:2]
        lines = shown.reshape(height, width * 3)
        # Padded rows stay black and need no products.
        vertical = [block for block in _vertical_blocks(height, out_height, before[0], after[0]) if block[2].size]
        horizontal = _horizontal_blocks(width, out_width, before[1], after[1])
        resized[...] = 0
        blocks_per_band = max(1, _BAND_VALUES // (_BLOCK_PX * width * 3))
        for begin in range(0, len(vertical), blocks_per_band):
            blocks = vertical[begin : begin + blocks_per_band]
            first, last = blocks[0][0].start, blocks[-1][0].stop
            band = np.empty((last - first, width * 3), np.float32)
            for rows, taps, weights in blocks:
                np.matmul(weights, lines[taps].astype(np.float32), out=band[rows.start - first : rows.stop - first])
            values = np.empty((last - first, out_width * 3), np.float32)
            for columns, taps, weights in horizontal:
                np.matmul(band[:, taps], weights, out=values[:, columns])
            resized[first:last] = cv2.convertScaleAbs(values).reshape(-1, out_width, 3)


@lru_cache(maxsize=16)
def _vertical_blocks(length: int, out_length: int, before: int, after: int) -> list[_Block]:
    """Returns the blocks of the triangle filter from one number of pixels to another, with weights (places, taps).

    Black pixels `before` and `after` add nothing, so that only the others have weights.
    """
    padded_length = before + length + after
    scale = padded_length / out_length
    support = max(scale, 1.0)
    blocks = []
    for begin in range(0, out_length, _BLOCK_PX):
        end = min(begin + _BLOCK_PX, out_length)
        centers = (np.arange(begin, end) + 0.5) * scale
        padded = np.arange(max(0, int(centers[0] - support)), min(padded_length, int(np.ceil(centers[-1] + support))))
        weights = np.maximum(0.0, 1.0 - np.abs(padded + 0.5 - centers[:, np.newaxis]) / support)
        weights /= weights.sum(axis=1, keepdims=True)
        start, stop = np.clip((padded[0] - before, padded[-1] + 1 - before), 0, length)
        weights = weights[:, start + before - padded[0] : stop + before - padded[0]]
        blocks.append((slice(begin, end), slice(start, stop), weights.astype(np.float32)))
    return blocks


@lru_cache(maxsize=16)
def _horizontal_blocks(length: int, out_length: int, before: int, after: int) -> list[_Block]:
    """Returns the same blocks for rows of interleaved RGB, with weights (3 taps, 3 places)."""
    rgb = np.eye(3, dtype=np.float32)
    return [
        (
            slice(3 * places.start, 3 * places.stop),
            slice(3 * taps.start, 3 * taps.stop),
            np.ascontiguousarray(np.kron(weights, rgb).T),
        )
        for places, taps, weights in _vertical_blocks(length, out_length, before, after)
    ]
