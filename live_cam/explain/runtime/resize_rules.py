"""Gradients of resizes, as of `UpSampling2D`, for which OpenVINO has no rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from openvino import opset14 as ops

from live_cam.explain.runtime.known import known_values

_NHWC_TO_NCHW: Final = (0, 3, 1, 2)
_NCHW_TO_NHWC: Final = (0, 2, 3, 1)


def resize_bilinear_grad(node: Any) -> list[Any]:
    """Transposes a bilinear resize."""
    return _resize_grad(node, list(node.get_input(1).get_shape())[1:3], _bilinear_weights)


def resize_nearest_grad(node: Any) -> list[Any]:
    """Transposes a resize to the nearest pixel."""
    return _resize_grad(node, known_values(node.get_input(1)), _nearest_weights)


def _resize_grad(node: Any, sizes: list[int], weigh: Callable[[int, int, bool, bool], Any]) -> list[Any]:
    """Transposes a resize, which is a product with a matrix (places, taps) along each axis."""
    gradients = ops.transpose(node.get_input(0), _NHWC_TO_NCHW)
    aligned, centred = (node.get_attribute(name) for name in ("align_corners", "half_pixel_centers"))
    rows, columns = (
        weigh(places, taps, aligned, centred).astype(np.float32)
        for places, taps in zip(list(gradients.get_output_shape(0))[2:], sizes, strict=True)
    )
    down = ops.matmul(ops.constant(rows), gradients, True, False)
    return [ops.transpose(ops.matmul(down, ops.constant(columns), False, False), _NCHW_TO_NHWC).output(0)]


def _bilinear_weights(places: int, taps: int, aligned: bool, centred: bool) -> Any:
    positions = (np.arange(places) + (0.5 if centred else 0.0)) * _scale(places, taps, aligned) - (0.5 * centred)
    return np.maximum(0.0, 1.0 - np.abs(positions.clip(0, taps - 1)[:, np.newaxis] - np.arange(taps)))


def _nearest_weights(places: int, taps: int, aligned: bool, centred: bool) -> Any:
    positions = (np.arange(places) + (0.5 if centred else 0.0)) * _scale(places, taps, aligned)
    indices = np.floor(positions + (0.5 if aligned else 0.0)).astype(int)
    return np.eye(taps)[np.minimum(indices, taps - 1)]


def _scale(places: int, taps: int, aligned: bool) -> float:
    return (taps - 1) / (places - 1) if aligned and places > 1 else taps / places
