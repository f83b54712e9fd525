"""From a TensorFlow function to an OpenVINO model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openvino as ov
from openvino.frontend import FrontEndManager, OpConversionFailure
from openvino.frontend.tensorflow import ConversionExtension
from openvino.frontend.tensorflow.graph_iterator import GraphIteratorTFGraph
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from live_cam.errors import ModelError
from live_cam.explain.runtime.gradient_rules import RULES


def convert(function: Any) -> ov.Model:
    """Freezes and converts a concrete function, gradients included.

    Args:
        function: A `tf.ConcreteFunction`; its variables become constants, so that batch norms can be folded.

    Raises:
        ModelError: OpenVINO lacks one of its operations.
    """
    frozen = convert_variables_to_constants_v2(function)
    # The front end itself, since `openvino.convert_model` fails on Python 3.13 (2026.4 runs `del` in an `exec`).
    front_end = FrontEndManager().load_by_framework("tf")
    for operation, rule in RULES.items():
        front_end.add_extension(ConversionExtension(operation, rule))
    graph = GraphIteratorTFGraph(frozen.graph, share_weights=True)  # a name, since the front end keeps no reference
    try:
        return front_end.convert(front_end.load(graph))
    except OpConversionFailure as error:
        operations = ", ".join(re.findall(r"^-- .*: (.*)$", str(error).partition("Summary:")[2], re.MULTILINE))
        raise ModelError(
            f"OpenVINO can't compute the gradients to this layer ({operations}); give --runtime tensorflow"
        ) from error


def save(model: ov.Model, path: Path) -> None:
    """Writes a model in float32.

    Args:
        model: The model.
        path: The .xml file; its .bin is written beside it.

    Raises:
        OSError: The files can't be written.
    """
    try:
        ov.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # what OpenVINO raises for a full disk
        raise OSError(str(error)) from error
