"""Selects what the step runs on. TensorFlow and OpenVINO take seconds to import, so each is imported when selected."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from live_cam.errors import UnknownLayerError, UsageError
from live_cam.explain.runtime.conversion_process import ConversionRequest, convert_in_subprocess
from live_cam.models.classifier import Classifier
from live_cam.models.model import Model
from live_cam.models.network_file import NetworkFile
from live_cam.models.weights.find import cache_file
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
    """

    make_step: Callable[[tuple[str, ...]], Step]
    runtime: Runtime
    precision: Precision
    device: str


def unlimited(_bytes: int) -> None:
    """Makes room without a limit."""


def gpu_available() -> bool:
    """Whether TensorFlow can use an NVIDIA GPU; imports it only if there is a driver."""
    if shutil.which("nvidia-smi") is None:
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
) -> Backend:
    """Selects runtime, precision and device.

    Args:
        model: What to explain.
        score: What is differentiated.
        runtime: `auto` is `tensorflow` with an NVIDIA GPU, `openvino` without, or if a device is named.
        precision: `auto` is the fastest that the device supports natively.
        device: OpenVINO's name of a device; `auto` is its CPU.
        performance_hint: How OpenVINO computes the frames of one call; see `OpenVinoStep`.

    Raises:
        UsageError: The device is not available, or does not support the precision.
    """
    has_gradients = model.classifier.explained_by == "gradients"
    if runtime == "tensorflow" and not has_gradients:
        raise UsageError("TensorFlow runs models of Keras only; leave out --runtime")
    if has_gradients and uses_tensorflow(runtime, device):
        if device != "auto":
            raise UsageError("--device names an OpenVINO device; TensorFlow uses the first NVIDIA GPU, or the CPU")
        on_gpu = gpu_available()
        if precision == "auto":
            precision = "float16" if on_gpu else _fastest_on_cpu()
        return _tensorflow(model, score, precision, on_gpu)
    from live_cam.explain.runtime.openvino_step import choose_precision, require_device

    device = "CPU" if device == "auto" else device
    require_device(device)
    return _openvino(model, score, choose_precision(precision, device), device, performance_hint)


def layers_to_explain(classifier: Classifier, method: Method, layer: str | None) -> tuple[str, ...]:
    """Returns the layers of a method: those that it fuses; else the given one, or the default for None."""
    return classifier.fused_layers if method == "layercam-fused" else (layer or classifier.default_layer,)


def _tensorflow(model: Model, score: Score, precision: Precision, on_gpu: bool) -> Backend:
    from live_cam.explain.runtime.step_graph import StepGraph
    from live_cam.explain.runtime.tensorflow_step import TensorFlowStep

    def make_step(layers: tuple[str, ...]) -> Step:
        network = model.build()
        weights_bytes = 4 * network.model.count_params()
        return TensorFlowStep(StepGraph(network, layers, score, precision), on_gpu, weights_bytes)

    return Backend(make_step, "tensorflow", precision, "GPU" if on_gpu else "CPU")


def _openvino(
    model: Model,
    score: Score,
    precision: Precision,
    device: str,
    performance_hint: PerformanceHint,
) -> Backend:
    from live_cam.explain.runtime.openvino_step import OpenVinoStep

    if model.file is not None and model.file.kind == "openvino":
        return _openvino_file(model, model.file, score, precision, device, performance_hint)

    def make_step(layers: tuple[str, ...]) -> Step:
        def convert(batch_size: int, num_targets: int, path: Path) -> None:
            if model.file is not None:
                convert_in_subprocess(ConversionRequest(model.file, layers, score, batch_size, num_targets), path)
                return
            from live_cam.explain.runtime.conversion import convert, save
            from live_cam.explain.runtime.step_graph import StepGraph

            save(convert(StepGraph(model.build(), layers, score).concrete(batch_size, num_targets)), path)

        classifier = model.classifier
        # Behind the last layer there is one dense layer only: a second target takes 4 % of the time, another step as
        # much memory as the first.
        shared_targets = 2 if layers == (classifier.default_layer,) else 1
        return OpenVinoStep(
            convert,
            classifier.input_px,
            len(classifier.labels),
            cache_file().parent,
            (model.digest, repr(classifier.preprocessing), *layers, score),
            precision,
            device,
            performance_hint,
            shared_targets,
        )

    return Backend(make_step, "openvino", precision, device)


def _openvino_file(
    model: Model,
    file: NetworkFile,
    score: Score,
    precision: Precision,
    device: str,
    performance_hint: PerformanceHint,
) -> Backend:
    from live_cam.explain.runtime.cam_step import CamStep
    from live_cam.models.openvino_files.network import read_network

    def make_step(layers: tuple[str, ...]) -> Step:
        network = read_network(Path(file.path), file.output)
        if layers != (network.layer_name,):
            raise UnknownLayerError(
                f"{file.path} has no gradients; only its layer {network.layer_name} is explained: omit --layer"
            )
        return CamStep(network, model.classifier.preprocessing, score, precision, device, performance_hint)

    return Backend(make_step, "openvino", precision, device)


def _fastest_on_cpu() -> Precision:
    """Returns the fastest precision of the CPU; OpenVINO knows it on every system."""
    from live_cam.explain.runtime.openvino_step import choose_precision

    return choose_precision("auto")
