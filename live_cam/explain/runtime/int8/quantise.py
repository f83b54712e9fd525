"""Puts ranges into the graph of a step, as FakeQuantize, which OpenVINO computes in int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset14 as ops
from openvino._offline_transformations import compress_quantize_weights_transformation

from live_cam.errors import ModelError
from live_cam.explain.runtime.int8.channels import ChannelGroups
from live_cam.explain.runtime.int8.convolutions import Convolution, forward_nodes, is_sum, place
from live_cam.explain.runtime.int8.table import Range, RangeTable

_LEVELS: Final = 256
_WEIGHT_LEVELS: Final = 255
"""Symmetric around zero."""


def quantise(model: ov.Model, table: RangeTable) -> None:
    """Makes the convolutions of a table compute in int8, and stores their kernels so.

    What is returned and the head that reads it stay float32: both are the very activation.

    Args:
        model: A step as it was converted, in float32.
        table: The ranges of its network.

    Raises:
        ModelError: The table is that of another network.
    """
    groups = ChannelGroups(model)
    chosen = [(each, table.convolutions.get(each.key)) for each in groups.convolutions]
    missing = table.convolutions.keys() - {each.key for each in groups.convolutions}
    if missing or any(len(_channels(groups, each, table)) for each in groups.convolutions):
        raise ModelError("the table of ranges is that of another network; make one with `live-cam calibrate`")
    groups.scale(model, table.scales)
    quantised: dict[tuple[str, int], Any] = {}
    written: dict[tuple[str, int], Range] = {}
    for convolution, ranges in chosen:
        if ranges is None:
            continue
        source = convolution.source
        tensor = source.get_source_output()
        if place(tensor) not in quantised:
            quantised[place(tensor)] = _quantise(tensor, ranges.read)
        source.replace_source_output(quantised[place(tensor)])
        convolution.node.input(1).replace_source_output(_quantise_kernel(convolution.kernel))
        if ranges.written is not None:
            written[place(convolution.output)] = ranges.written
    _quantise_sums(model, quantised, written)
    model.validate_nodes_and_infer_types()
    compress_quantize_weights_transformation(model)


def quantise_file(converted: Path, table: Path, path: Path) -> None:
    """Quantises a converted step.

    Args:
        converted: Its .xml file.
        table: The file of the ranges.
        path: The .xml file to write, its .bin beside it; may be `converted`.

    Raises:
        ModelError: The table can't be read, or is that of another network.
        OSError: The files can't be written.
    """
    weights = np.fromfile(converted.with_suffix(".bin"), np.uint8)  # in memory, as the file may be replaced
    model = ov.Core().read_model(converted.read_bytes(), ov.Tensor(weights, shared_memory=True))
    quantise(model, RangeTable.read(table))
    try:
        ov.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # what OpenVINO raises for a full disk
        raise OSError(str(error)) from error


def _quantise_sums(
    model: ov.Model, quantised: dict[tuple[str, int], Any], written: dict[tuple[str, int], Range]
) -> None:
    """Quantises both sides of residual sums, each over its own range."""
    for node in filter(is_sum, forward_nodes(model)):
        for reader in node.inputs():
            tensor = reader.get_source_output()
            if place(tensor) in quantised:
                reader.replace_source_output(quantised[place(tensor)])
            elif place(tensor) in written:
                reader.replace_source_output(_quantise(tensor, written[place(tensor)]))


def _channels(groups: ChannelGroups, convolution: Convolution, table: RangeTable) -> list[str]:
    """Returns the groups of a convolution that the table lacks, or has with another number of channels."""
    outputs, inputs = convolution.kernel.shape[:2]
    needed = ((groups.read_by(convolution), inputs), (groups.written_by(convolution), outputs))
    return [name for name, size in needed if name is not None and len(table.scales.get(name, ())) != size]


def _quantise(tensor: Any, limits: Range) -> Any:
    low, high = (ops.constant(np.full((1, 1, 1, 1), limit, np.float32)) for limit in limits)
    return ops.fake_quantize(tensor, low, high, low, high, _LEVELS).output(0)


def _quantise_kernel(kernel: NDArray[np.float32]) -> Any:
    """Returns a kernel that is quantised for each output channel over its own range."""
    largest = np.maximum(np.abs(kernel).max(axis=(1, 2, 3), keepdims=True), np.finfo(np.float32).tiny)
    low, high = ops.constant(-largest), ops.constant(largest)
    return ops.fake_quantize(ops.constant(kernel), low, high, low, high, _WEIGHT_LEVELS).output(0)
