"""Two small classifiers of colours: one knows no yellow, the other no green and no blue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.openvino_files.graphs import HEIGHT, NCHW, WIDTH, GraphWriter

_CELL_PX = 4
_PLACES = HEIGHT // _CELL_PX, WIDTH // _CELL_PX
_SLOPE = 12.0
# What red, green and blue of a pixel say of a class.
_WEIGHTS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "yellow": (0, 1, -1)}
RED, YELLOW = (220, 20, 20), (250, 250, 0)


def write_colour_model(path: Path, labels: list[str], pooled: bool, layer: str = "colours") -> Path:
    """Writes an ONNX classifier of the mean colour, with a linear head or one that knows no gradients."""
    mean = np.zeros((3, 3, _CELL_PX, _CELL_PX), np.float32)
    for channel in range(3):
        mean[channel, channel] = 1 / 255 / _CELL_PX**2
    weights = _SLOPE * np.array([_WEIGHTS[label.casefold()] for label in labels], np.float32).T
    writer = GraphWriter(NCHW).add("Conv", mean, strides=[_CELL_PX] * 2).add("Relu", name=layer)
    if pooled:
        writer.pooled()
    else:  # each place for itself
        writer.add("Flatten")
        weights = np.repeat(weights, np.prod(_PLACES), axis=0) / np.float32(np.prod(_PLACES))
    writer.add("Gemm", weights).add("Softmax")
    return writer.write(path, metadata={"labels": ",".join(labels)})


def paint_picture() -> np.ndarray:
    """Returns a red picture with a large yellow square at the right: `RED` to one model, `YELLOW` to the other."""
    picture = np.full((240, 320, 3), RED, np.uint8)
    picture[30:210, 130:310] = YELLOW
    return picture


@pytest.fixture(scope="session")
def colour_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files `primary.onnx` (red, green, blue; linear head) and `warm.onnx` (Red, yellow; by Recipro-CAM)."""
    folder = tmp_path_factory.mktemp("colours")
    return (
        write_colour_model(folder / "primary.onnx", ["red", "green", "blue"], pooled=True),
        write_colour_model(folder / "warm.onnx", ["Red", "yellow"], pooled=False),
    )


@pytest.fixture
def colour_explainers(colour_models: tuple[Path, Path]) -> Callable[..., list[Any]]:
    """Creates the explainers of both for a live session: `colour_explainers(method="gradcam")`."""
    from live_cam.explain.explainer import Explainer

    return lambda **options: [Explainer(path, smooth=True, **options) for path in colour_models]
