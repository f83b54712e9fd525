"""Makes a table of ranges of a step in float32, from pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset14 as ops

from live_cam.explain.runtime.int8.channels import ChannelGroups
from live_cam.explain.runtime.int8.convolutions import CHANNELS, Convolution, is_sum, place
from live_cam.explain.runtime.int8.table import ConvolutionRanges, Range, rounded_scales
from live_cam.models.openvino_files.core import core

_LEVELS: Final = 256
_SMALLEST: Final = 1e-3
"""Channels and kernels count as no smaller than this part of the largest."""

Extremes = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Minima and maxima of the channels of a tensor."""


def measure_ranges(
    model: ov.Model, inputs: Iterable[NDArray[np.uint8]], kept_n: int
) -> tuple[dict[str, ConvolutionRanges], dict[str, NDArray[np.float32]]]:
    """Measures the ranges and chooses the scales of a network.

    Args:
        model: Its step in float32, as it was converted.
        inputs: Pictures uint8 (h, w, 3) of the size of its input.
        kept_n: How many of the first convolutions stay float32; the first are the most delicate.

    Returns:
        `RangeTable.convolutions` and `RangeTable.scales`.
    """
    groups = ChannelGroups(model)
    tensors = {
        place(each): each
        for convolution in groups.convolutions
        for each in (convolution.source.get_source_output(), convolution.output)
    }
    extremes = _measure(model, tensors, inputs)
    scales = _choose_scales(groups, extremes)
    return {each.key: _ranges(groups, each, extremes, scales) for each in groups.convolutions[kept_n:]}, scales


def _measure(
    model: ov.Model, tensors: dict[tuple[str, int], Any], inputs: Iterable[NDArray[np.uint8]]
) -> dict[tuple[str, int], Extremes]:
    """Returns the extremes over all inputs."""
    results = []
    for tensor in tensors.values():
        axes = ops.constant([axis for axis in range(len(tensor.get_partial_shape())) if axis != CHANNELS])
        results += [ops.result(ops.reduce_min(tensor, axes)), ops.result(ops.reduce_max(tensor, axes))]
    pixels = next(each for each in model.get_parameters() if each.get_element_type() == ov.Type.u8)
    statistics = ov.Model(results, [pixels], "statistics")
    request = core().compile_model(statistics, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    found: Sequence[NDArray[np.float32]] = ()
    for picture in inputs:
        request.infer([picture[np.newaxis]])
        values = [each.data.copy() for each in request.output_tensors]
        found = [
            np.maximum(old, new) if i % 2 else np.minimum(old, new)
            for i, (old, new) in enumerate(zip(found or values, values, strict=True))
        ]
    return {name: (found[2 * i], found[2 * i + 1]) for i, name in enumerate(tensors)}


def _choose_scales(groups: ChannelGroups, extremes: dict[tuple[str, int], Extremes]) -> dict[str, NDArray[np.float32]]:
    """Returns for each group what shares the differences of its channels evenly between activations and kernels."""
    activations: dict[str, list[NDArray[np.float32]]] = {}
    kernels: dict[str, list[NDArray[np.float32]]] = {}
    sizes: dict[str, int] = {}
    for convolution in groups.convolutions:
        if (name := groups.written_by(convolution)) is not None:
            sizes[name] = convolution.kernel.shape[0]
        if (name := groups.read_by(convolution)) is not None:
            low, high = extremes[place(convolution.source.get_source_output())]
            activations.setdefault(name, []).append(np.maximum(-low, high))
            kernels.setdefault(name, []).append(np.abs(convolution.kernel).max(axis=(0, 2, 3)))
    scales = {}
    for name, size in sizes.items():
        if name not in activations:
            scales[name] = np.ones(size, np.float32)
            continue
        activation, kernel = (_bounded(np.max(each[name], axis=0)) for each in (activations, kernels))
        logarithm = (np.log(activation) - np.log(kernel)) / 2
        scales[name] = rounded_scales(np.exp(logarithm - logarithm.mean()))
    return scales


def _bounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(values, _SMALLEST * values.max() + np.finfo(np.float32).tiny), np.float32)


def _ranges(
    groups: ChannelGroups,
    convolution: Convolution,
    extremes: dict[tuple[str, int], Extremes],
    scales: dict[str, NDArray[np.float32]],
) -> ConvolutionRanges:
    def limits(tensor: Any, group: str | None) -> Range:
        low, high = extremes[place(tensor)]
        by = np.float32(1) if group is None else scales[group]
        return _with_zero(float((low / by).min()), float((high / by).max()))

    is_added = any(is_sum(reader.get_node()) for reader in convolution.output.get_target_inputs())
    return ConvolutionRanges(
        limits(convolution.source.get_source_output(), groups.read_by(convolution)),
        limits(convolution.output, groups.written_by(convolution)) if is_added else None,
    )


def _with_zero(low: float, high: float) -> Range:
    """Widens a range until zero, which pads and rectifies, is one of its steps."""
    low, high = min(low, 0.0), max(high, 1e-6)
    if low == 0.0:
        return low, high
    zero = min(max(round(-low / ((high - low) / (_LEVELS - 1))), 1), _LEVELS - 2)
    step = max(-low / zero, high / (_LEVELS - 1 - zero))
    return -zero * step, (_LEVELS - 1 - zero) * step
