"""Choosing what the step runs on. TensorFlow and OpenVINO take seconds to import, so each is imported when chosen."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.weights import Weights, cache_file
from live_cam.frame import Auto, Precision, Runtime, Score

if TYPE_CHECKING:
    from live_cam.explain.step import TensorFlowStep


class Step(Protocol):
    """The step as every runtime offers it.

    Attributes:
        classes: The number of logits.
    """

    classes: int

    def __call__(
        self, frames: NDArray[np.uint8], targets: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains uint8 (N, H, W, 3) for float32 (N, K, classes): maps (N, K, h, w) and logits (N, classes)."""
        ...


def gpu_in_reach() -> bool:
    """Tells whether TensorFlow computes on an NVIDIA GPU; imports it only where there is a driver to ask for."""
    if shutil.which("nvidia-smi") is None:
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def compile_step(
    weights: Weights, layer: str, method: str, score: Score, runtime: Runtime | Auto, precision: Precision | Auto
) -> tuple[Step, Runtime, Precision]:
    """Makes the step on the runtime and in the precision asked for, or on the best of each.

    Raises:
        WeightsError: The weights are of another network.
        UnknownLayerError: The network has no activation of that name.
        UsageError: The runtime does not compute in that precision.
    """

    def define() -> TensorFlowStep:
        from live_cam.explain.network import build_network
        from live_cam.explain.step import TensorFlowStep

        return TensorFlowStep(build_network(weights), layer, method, score)

    if runtime == "auto":
        runtime = "tensorflow" if gpu_in_reach() else "openvino"
    if runtime == "tensorflow":
        if precision not in ("auto", "float32"):
            raise UsageError(f"the tensorflow runtime computes in float32, not {precision}")
        return define(), runtime, "float32"
    from live_cam.explain.openvino_step import OpenVinoStep, best_precision

    if precision == "auto":
        precision = best_precision()
    folder = cache_file().parent
    depends_on = (weights.digest, layer, method, score)
    return OpenVinoStep(define, folder, depends_on, precision), runtime, precision
