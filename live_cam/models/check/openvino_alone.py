"""A file of ONNX, OpenVINO or TFLite as it is, from its own input to its own output, run by OpenVINO alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from live_cam.models.network_file import NetworkFile
from live_cam.models.openvino_files.class_scores import find_output
from live_cam.models.openvino_files.graph import Graph, Output, constant
from live_cam.models.openvino_files.image_input import QUANTISED, find_image_input, fix_shape, quantisation
from live_cam.models.openvino_files.metadata import find_size
from live_cam.models.openvino_files.network import read_network
from live_cam.models.openvino_files.read import read_file

_PRECISE: Final = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoAlone:
    """A file's graph, and for its logits the network that is explained."""

    def __init__(self, file: NetworkFile) -> None:
        """Reads and compiles the file.

        Raises:
            ModelError: It can't be read.
        """
        path = Path(file.path)
        model = read_file(path)
        image = find_image_input(model, path, find_size(model))
        fix_shape(model, image, path)
        self.channels = image.channels
        self._is_nchw = image.layout == "NCHW"
        taken = model.inputs[0]
        self._kind = taken.get_element_type().get_type_name()
        self._steps = quantisation(Graph(model), taken) if self._kind in QUANTISED else None
        self._dtype = taken.get_element_type().to_dtype()
        output = find_output(model, file.output, path)
        self._output_range = _integers(output)
        own = ov.Model([output], model.get_parameters())
        operations = own.get_ordered_ops()
        kinds = {each.get_type_name() for each in operations}
        is_half = any(
            each.get_output_element_type(0) == ov.Type.f16
            for each in operations
            if each.get_type_name() in ("Convolution", "MatMul")
        )
        self.rounding = "int8" if "FakeQuantize" in kinds else "float16" if is_half else "float32"
        core = ov.Core()
        self._own = core.compile_model(own, "CPU", _PRECISE)
        self._explained = core.compile_model(read_network(path, file.output).model, "CPU", _PRECISE)

    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `ModelAlone`."""
        if self._steps is not None:
            scale, zero_point = self._steps
            values = np.rint(values / scale + zero_point).clip(*QUANTISED[self._kind])
        if self._is_nchw:
            values = np.moveaxis(values, -1, 1)
        outputs = np.stack([_run(self._own, each.astype(self._dtype), 0) for each in values])
        return outputs if self._output_range is None else np.interp(outputs, *self._output_range).astype(np.float32)

    def logits(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `ModelAlone`."""
        return np.stack([_run(self._explained, each, 1) for each in values])


def _integers(output: Output) -> tuple[list[float], list[float]] | None:
    """Returns the least and greatest integer of a quantised output, and the values that they stand for."""
    node = output.get_node()
    if node.get_type_name() != "Convert" or output.get_element_type().is_real():
        return None
    rounding = node.input_value(0).get_node()
    if rounding.get_type_name() != "FakeQuantize":
        return None
    low, high, least, greatest = (float(constant(rounding.input_value(i)).flat[0]) for i in range(1, 5))
    return [least, greatest], [low, high]


def _run(compiled: Any, image: NDArray[Any], output: int) -> NDArray[np.float32]:
    return np.array(compiled([np.ascontiguousarray(image[np.newaxis])])[output], np.float32).ravel()
