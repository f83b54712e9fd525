"""Choosing what the step runs on. TensorFlow and OpenVINO take seconds to import, so each is imported when chosen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.explain.converter import Recipe, convert_in_child
from live_cam.explain.weights import Weights, cache_file
from live_cam.frame import Auto, Method, Precision, Runtime, Score


class Step(Protocol):
    """The step as every runtime offers it.

    Attributes:
        classes: The number of logits.
    """

    classes: int

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains N pictures uint8 (H, W, 3) for float32 (N, K, classes): maps (N, K, h, w), logits (N, classes)."""
        ...

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gives logits (N, classes) alone: what the network costs without its explanation."""
        ...

    def is_prepared(self, frames_n: int, targets_k: int) -> bool:
        """Tells whether N frames can be explained for K targets without compiling first."""
        ...

    def prepare(self, frames_n: int, targets_k: int, frame_px: tuple[int, int] = ...) -> None:
        """Compiles for N frames of a height and width, and K targets; another thread may explain meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Computer:
    """What steps are computed with.

    Attributes:
        make_step: Makes the step for some layers; each N and K is compiled later.
        runtime, precision: What it computes with and in.
        device: The runtime's name of the device, such as CPU or GPU.
    """

    make_step: Callable[[tuple[str, ...]], Step]
    runtime: Runtime
    precision: Precision
    device: str


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A step and what it turned out to run on.

    Attributes:
        step: The step itself.
        layers: The activations explained; several where the method fuses them.
        runtime, precision: What it computes with and in.
        device: The runtime's name of the device, such as CPU or GPU.
    """

    step: Step
    layers: tuple[str, ...]
    runtime: Runtime
    precision: Precision
    device: str


def gpu_in_reach() -> bool:
    """Tells whether TensorFlow computes on an NVIDIA GPU; imports it only where there is a driver to ask for."""
    if shutil.which("nvidia-smi") is None:
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def compile_step(
    weights: Weights,
    layer: str | None = None,
    method: Method = "gradcam",
    score: Score = "logit",
    runtime: Runtime | Auto = "auto",
    precision: Precision | Auto = "auto",
    device: str = "auto",
) -> CompiledStep:
    """Makes one step for a layer (None for the method's own choice); see `choose_computer`.

    Raises:
        WeightsError: The weights are of another network.
        UnknownLayerError: The network has no activation of that name.
        UsageError: The device is not there, or does not compute in that precision; or a layer was named for a method
            that has its own.
    """
    layers = layers_to_explain(method, layer)
    computer = choose_computer(weights, score, runtime, precision, device)
    step = computer.make_step(layers)
    return CompiledStep(step, layers, computer.runtime, computer.precision, computer.device)


def choose_computer(
    weights: Weights,
    score: Score = "logit",
    runtime: Runtime | Auto = "auto",
    precision: Precision | Auto = "auto",
    device: str = "auto",
    side_by_side: bool = False,
) -> Computer:
    """Chooses the runtime and the precision, or takes those asked for.

    Args:
        weights: The network's.
        score: What is differentiated.
        runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without, or where a device is asked for.
        precision: `auto` is the fastest in which the device computes by nature.
        device: OpenVINO's name of a device; `auto` is its CPU.
        side_by_side: Whether OpenVINO explains frames that come in one call side by side; see `OpenVinoStep`.

    Raises:
        UsageError: The device is not there, or does not compute in that precision.
    """
    on_gpu = runtime != "openvino" and device == "auto" and gpu_in_reach()
    if runtime == "tensorflow" or on_gpu:
        if device != "auto":
            raise UsageError("--device names a device of OpenVINO's; TensorFlow takes the first NVIDIA GPU, or the CPU")
        if precision == "auto":
            precision = "float16" if on_gpu else _best_on_cpu()
        return _tensorflow(weights, score, precision, on_gpu)
    from live_cam.explain.openvino_step import choose_precision, require_device

    device = "CPU" if device == "auto" else device
    require_device(device)
    return _openvino(weights, score, choose_precision(precision, device), device, side_by_side)


def layers_to_explain(method: Method, layer: str | None) -> tuple[str, ...]:
    """Gives the layers of a method, of which one may be named.

    Raises:
        UsageError: One was named for a method that has its own.
    """
    if method != "layercam-fused":
        return (layer or DEFAULT_LAYER,)
    if layer is not None:
        raise UsageError(f"layercam-fused explains {', '.join(FUSED_LAYERS)} together; leave --layer out")
    return FUSED_LAYERS


def _tensorflow(weights: Weights, score: Score, precision: Precision, on_gpu: bool) -> Computer:
    from live_cam.explain.definition import Definition
    from live_cam.explain.network import build_network
    from live_cam.explain.tensorflow_step import TensorFlowStep

    def make(layers: tuple[str, ...]) -> Step:
        return TensorFlowStep(Definition(build_network(weights), layers, score, precision), on_gpu)

    return Computer(make, "tensorflow", precision, "GPU" if on_gpu else "CPU")


def _openvino(weights: Weights, score: Score, precision: Precision, device: str, side_by_side: bool) -> Computer:
    from live_cam.explain.openvino_step import OpenVinoStep

    def make(layers: tuple[str, ...]) -> Step:
        def convert(frames_n: int, targets_k: int, path: Path) -> None:
            convert_in_child(Recipe(str(weights.path), layers, score, frames_n, targets_k), path)

        depends_on = (weights.digest, *layers, score)
        return OpenVinoStep(convert, cache_file().parent, depends_on, precision, device, side_by_side)

    return Computer(make, "openvino", precision, device)


def _best_on_cpu() -> Precision:
    """Gives the precision that suits the processor; OpenVINO knows it on every system."""
    from live_cam.explain.openvino_step import choose_precision

    return choose_precision("auto")
