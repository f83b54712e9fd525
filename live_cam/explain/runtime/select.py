"""Selects what the step runs on. TensorFlow and OpenVINO take seconds to import, so each is imported when selected."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UsageError
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.models.classifier import Classifier
from live_cam.models.model import Model
from live_cam.models.weights.find import cache_file
from live_cam.tensorflow_package import has_tensorflow, require_tensorflow
from live_cam.types import Auto, Method, PerformanceHint, Precision, Runtime, Score

MakeRoom = Callable[[int], None]
"""Called with the bytes that compiling will take, before it takes them; may raise `LiveCamError`."""


class Step(Protocol):
    """The step, as both runtimes implement it.

    Attributes:
        classes: The number of logits.
    """

    classes: int

    @property
    def linear_cam(self) -> LinearCam | None:
        """What explains any targets from the activation; None where the head is not linear, or nothing is compiled."""
        ...

    @property
    def memory_bytes(self) -> int:
        """About how much memory all that is compiled takes."""
        ...

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains N frames uint8 (H, W, 3) for targets (N, K, classes): maps (N, K, h, w), logits (N, classes)."""
        ...

    def activations(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the activations (N, h, w, channels) and the logits (N, classes), where there is a `linear_cam`."""
        ...

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the logits (N, classes), without an explanation."""
        ...

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:
        """Whether N frames can be explained for K targets without compiling first."""
        ...

    def prepare(
        self, batch_size: int, num_targets: int, frame_px: tuple[int, int] = ..., make_room: MakeRoom = ...
    ) -> None:
        """Compiles for N frames of a height and width, and K targets; another thread may explain meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """What steps run on.

    Attributes:
        make_step: Creates the step for some layers, finest first; each N and K is compiled later.
        runtime, precision: What it computes with and in.
        device: The runtime's name of the device, such as CPU or GPU.
        exact_stills: Whether pictures that stand still are explained in float32, since nobody asked for int8 by name.
    """

    make_step: Callable[[tuple[str, ...]], Step]
    runtime: Runtime
    precision: Precision
    device: str
    exact_stills: bool = False


def unlimited(_bytes: int) -> None:
    """Makes room without a limit."""


def gpu_available() -> bool:
    """Whether TensorFlow can use an NVIDIA GPU; imports it only if there is a driver."""
    if shutil.which("nvidia-smi") is None or not has_tensorflow():
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def uses_tensorflow(runtime: Runtime | Auto, device: str = "auto") -> bool:
    """Whether these arguments of `select_backend` select TensorFlow; may import it."""
    return runtime == "tensorflow" or (runtime == "auto" and device == "auto" and gpu_available())


def select_backend(
    model: Model,
    score: Score = "logit",
    runtime: Runtime | Auto = "auto",
    precision: Precision | Auto = "auto",
    device: str = "auto",
    performance_hint: PerformanceHint = "latency",
    live: bool = False,
    optimize: bool = True,
) -> Backend:
    """Selects runtime, precision and device.

    Args:
        model: What to explain.
        score: What is differentiated.
        runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without, or if a device is named.
        precision: `auto` is the fastest that the device supports natively; for live frames also int8, where a table of
            ranges fits and it is faster.
        device: OpenVINO's name of a device; `auto` is the fastest whose maps agree with those of the CPU.
        performance_hint: How OpenVINO computes the frames of one call; see `OpenVinoStep`.
        live: Whether the frames come from live sources, which int8 may explain without being named.
        optimize: Whether TensorFlow optimises the network first; OpenVINO always does.

    Raises:
        UsageError: The device is not available, or does not support the precision; or int8 is named and there is no
            table of ranges.
        NoTensorFlowError: It is named and not installed.
    """
    has_gradients = model.classifier.explained_by == "gradients"
    if runtime == "tensorflow" and not has_gradients:
        raise UsageError("TensorFlow runs models of Keras only; leave out --runtime")
    if precision == "int8":
        from live_cam.explain.runtime.int8.backend import require_int8

        require_int8(model, runtime, device)
        runtime = "openvino"
    if has_gradients and uses_tensorflow(runtime, device):
        require_tensorflow()
        if device != "auto":
            raise UsageError("--device names an OpenVINO device; TensorFlow uses the first NVIDIA GPU, or the CPU")
        on_gpu = gpu_available()
        if precision == "auto":
            precision = "float16" if on_gpu else _fastest_on_cpu()
        return _tensorflow(model, score, precision, on_gpu, optimize)
    from live_cam.explain.runtime.device_choice import fastest_device
    from live_cam.explain.runtime.int8.backend import find_ranges, int8_backend
    from live_cam.explain.runtime.int8.gain import is_faster
    from live_cam.explain.runtime.openvino_backend import openvino_backend
    from live_cam.explain.runtime.openvino_step import choose_precision, require_device

    if device == "auto":
        device = fastest_device(model, score, precision, cache_file().parent) if precision != "int8" else "CPU"
    require_device(device)
    chosen = choose_precision(precision, device)
    if chosen == "int8":
        return int8_backend(model, score, device, performance_hint)
    if precision == "auto" and live and (device, chosen) == ("CPU", "float32") and find_ranges(model) is not None:
        quantised = int8_backend(model, score, device, performance_hint)
        if is_faster(quantised.make_step((model.classifier.default_layer,)), cache_file().parent, model.digest):
            return replace(quantised, exact_stills=True)
    return openvino_backend(model, score, chosen, device, performance_hint)


def layers_to_explain(classifier: Classifier, method: Method, layer: str | None) -> tuple[str, ...]:
    """Returns the layers of a method: those that it fuses; else the given one, or the default for None."""
    return classifier.fused_layers if method == "layercam-fused" else (layer or classifier.default_layer,)


def _tensorflow(model: Model, score: Score, precision: Precision, on_gpu: bool, optimize: bool) -> Backend:
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep
    from live_cam.models.keras_head import find_keras_head

    def make_step(layers: tuple[str, ...]) -> Step:
        network = model.build()
        weights_bytes = 4 * network.model.count_params()
        head = find_keras_head(network, layers)
        linear_cam = None if head is None else LinearCam(head, score, network.head)
        graph = StepGraph(network, layers, score, precision)
        return TensorFlowStep(graph, on_gpu, weights_bytes, optimize, linear_cam)

    return Backend(make_step, "tensorflow", precision, "GPU" if on_gpu else "CPU")


def _fastest_on_cpu() -> Precision:
    """Returns the fastest precision of the CPU; OpenVINO knows it on every system."""
    from live_cam.explain.runtime.openvino_step import choose_precision

    return choose_precision("auto")
