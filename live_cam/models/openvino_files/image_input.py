"""The input of a file: where its channels are, its size, and what a quantised one stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import openvino as ov
from openvino import opset14 as ops

from live_cam.errors import ModelError
from live_cam.models.openvino_files.graph import Graph, Node, Output, constant
from live_cam.models.openvino_files.read import reason

Layout = Literal["NCHW", "NHWC"]

_DEFAULT_PX: Final = 224
_MAX_PX: Final = 4096
_MIN_SCALE: Final = 1e-9
_NHWC_TO_NCHW: Final = [0, 3, 1, 2]
QUANTISED: Final = {"i8": (-128, 127), "u8": (0, 255)}


@dataclass(frozen=True, slots=True)
class ImageInput:
    """What the file takes.

    Attributes:
        layout: NCHW or NHWC.
        height, width, channels: Its size; 224x224 where the file leaves it open.
        value_range: The least and the greatest value that a quantised input stands for, to which 0 and 255 have to be
            preprocessed so that pixels arrive as they are; None if it isn't quantised.
    """

    layout: Layout
    height: int
    width: int
    channels: int
    value_range: tuple[float, float] | None = None


def find_image_input(model: ov.Model, path: Path, open_px: tuple[int, int] | None) -> ImageInput:
    """Finds the image among a model's inputs.

    Args:
        model: The model.
        path: Its file, for messages.
        open_px: Height and width of the input if the file leaves them open.

    Raises:
        ModelError: There is not exactly one, or its shape leaves open where the channels are.
    """
    if len(model.inputs) > 1:
        names = ", ".join(each.get_node().get_friendly_name() for each in model.inputs)
        raise ModelError(f"{path} takes {len(model.inputs)} inputs ({names}); only models of one image are explained")
    shape = model.inputs[0].get_partial_shape()
    described = str(shape)
    if shape.rank.is_dynamic or len(shape) != 4:
        raise ModelError(f"{path} takes {described}, which is no image; give a model of (N, 3, H, W) or (N, H, W, 3)")
    of_layout: dict[Layout, ov.Dimension] = {"NCHW": shape[1], "NHWC": shape[3]}
    layouts = [name for name, dim in of_layout.items() if dim.is_static and dim.get_length() in (1, 3)]
    if len(layouts) != 1:
        why = "both the second and the last could be the channels" if layouts else "neither 1 nor 3 channels"
        raise ModelError(f"{path} takes {described}: {why}; export it for (N, 3, H, W) or (N, H, W, 3)")
    layout = layouts[0]
    height, width = (
        _length(dim, px)
        for dim, px in zip(
            (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2]),
            open_px or (_DEFAULT_PX, _DEFAULT_PX),
            strict=True,
        )
    )
    if not 1 <= min(height, width) <= max(height, width) <= _MAX_PX:
        raise ModelError(f"{path} takes images of {width}x{height}; export it for at most {_MAX_PX}x{_MAX_PX}")
    return ImageInput(layout, height, width, of_layout[layout].get_length())


def fix_shape(model: ov.Model, image: ImageInput, path: Path) -> None:
    """Makes the model one of a single image of the size of `image`.

    Raises:
        ModelError: It can't be: another size or batch is built in.
    """
    size = image.height, image.width
    shape = [1, image.channels, *size] if image.layout == "NCHW" else [1, *size, image.channels]
    was = model.inputs[0].get_partial_shape()
    try:
        model.reshape({model.inputs[0]: shape})
    except RuntimeError as error:
        raise ModelError(
            f"{path} takes {was}, and not {'x'.join(map(str, shape))} ({reason(error)}); export it for one image"
        ) from error


def take_nhwc(model: ov.Model, image: ImageInput) -> tuple[Node, tuple[float, float] | None]:
    """Gives the model an input float32 (1, H, W, channels), converted to what the file takes.

    Returns:
        The new parameter, and the range of a quantised input.
    """
    old = model.inputs[0].get_node()
    parameter = ops.parameter([1, image.height, image.width, image.channels], np.float32, "image")
    kind = old.get_output_element_type(0).get_type_name()
    value_range = None
    values = parameter.output(0)
    if kind in QUANTISED:
        low, high = QUANTISED[kind]
        scale, zero_point = quantisation(Graph(model), old.output(0))
        if (scale, zero_point) != (1.0, 0.0):
            value_range = (low - zero_point) * scale, (high - zero_point) * scale
        steps = ops.add(ops.multiply(values, np.float32(1.0 / scale)), np.float32(zero_point))
        values = ops.clamp(ops.round(steps, "half_to_even"), low, high).output(0)
    if kind != "f32":
        values = ops.convert(values, kind).output(0)
    if image.layout == "NCHW":
        values = ops.transpose(values, _NHWC_TO_NCHW).output(0)
    for target in old.output(0).get_target_inputs():
        target.replace_source_output(values)
    return parameter, value_range


def _length(dim: ov.Dimension, open_px: int) -> int:
    if dim.is_static:
        return int(dim.get_length())
    most = dim.get_max_length()
    return max(int(dim.get_min_length()), min(open_px, most) if most > 0 else open_px)


def quantisation(graph: Graph, output: Output) -> tuple[float, float]:
    """Returns scale and zero point of an integer input: it stands for `(integer - zero point) * scale`."""
    scale, zero_point = 1.0, 0.0
    while len(targets := list(output.get_target_inputs())) == 1:
        node = targets[0].get_node()
        kind = node.get_type_name()
        if kind == "FakeQuantize":  # TFLite: from integers to what they stand for
            in_low, in_high, low, high = (_scalar(node.input_value(i)) for i in range(1, 5))
            if in_high > in_low and high - low > _MIN_SCALE * (in_high - in_low):
                scale = (high - low) / (in_high - in_low)
                zero_point = in_low - low / scale
            break
        if kind in ("Subtract", "Multiply") and len(graph.sources(node)) == 1:  # ONNX's DequantizeLinear
            value = _scalar(node.input_value(1))
            if kind == "Multiply":
                return (value, zero_point) if value > _MIN_SCALE else (1.0, 0.0)
            zero_point = value
        elif kind not in ("Transpose", "Convert"):
            break
        output = node.output(0)
    return scale, zero_point


def _scalar(output: Output) -> float:
    return float(np.ravel(constant(output))[0])
