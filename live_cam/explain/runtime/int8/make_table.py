"""Makes the table of a model and judges it; refuses one that is not true enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import ModelError, UsageError
from live_cam.explain.runtime.int8.agreement import measure_agreement
from live_cam.explain.runtime.int8.backend import float32_step, int8_step
from live_cam.explain.runtime.int8.calibrate import measure_ranges
from live_cam.explain.runtime.int8.table import RangeTable
from live_cam.models.model import Model
from live_cam.models.preprocess import resize_to_input


def make_table(
    model: Model,
    calibration: Sequence[NDArray[np.uint8]],
    validation: Sequence[NDArray[np.uint8]],
    kept_n: int,
    pictures: str,
) -> RangeTable:
    """Makes the table of ranges of a model's last activation.

    Args:
        model: A model of Keras, in a file.
        calibration: What the ranges are measured on: uint8 (H, W, 3), RGB.
        validation: Other pictures, which the table is judged on.
        kept_n: How many of the first convolutions stay in float32.
        pictures: Where the pictures of `calibration` are from.

    Raises:
        UsageError: All convolutions would stay in float32.
        ModelError: The table does not pass the gates; see `Agreement.failures`.
    """
    classifier = model.classifier
    inputs = np.empty((len(calibration), *classifier.input_px, 3), np.uint8)
    resize_to_input(calibration, inputs, classifier.resize)
    float32 = float32_step(model)
    converted = float32.read_converted(1, 1)  # a name, since its model keeps no reference to the weights
    convolutions, scales = measure_ranges(converted.model, inputs, kept_n)
    if not convolutions:
        raise UsageError(f"{classifier.name} has no more than {kept_n} convolutions, too few to gain from int8")
    preprocessing = json.loads(json.dumps(asdict(classifier.preprocessing)))
    layer = classifier.default_layer
    table = RangeTable(model.digest, layer, preprocessing, convolutions, scales, pictures, {})
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "table.npz"
        table.write(path)
        agreement = measure_agreement(int8_step(model, float32, path), float32, validation, classifier)
    if agreement.failures:
        raise ModelError(
            f"{classifier.name} in int8 is not true enough ({', '.join(agreement.failures)}); leave it in float32, or "
            "calibrate with more pictures of what it is to see"
        )
    return replace(table, agreement=agreement.describe())
