"""The step on OpenVINO: TensorFlow's graph, frozen, converted once, and cached on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

from live_cam.errors import UsageError
from live_cam.explain.runtime.batching import linear_maps
from live_cam.explain.runtime.compiled_step import COPIES_OF_WEIGHTS, PRECISION_HINTS, QUEUED_PER_STREAM, CompiledStep
from live_cam.explain.runtime.converted_head import find_head, without_gradients
from live_cam.explain.runtime.mapped_model import MappedModel
from live_cam.explain.runtime.select import MakeRoom, unlimited
from live_cam.explain.runtime.step_files import StepFiles
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.methods import saliency_maps
from live_cam.models.openvino_files.core import core
from live_cam.tensorflow_package import converter_versions, require_tensorflow
from live_cam.types import Auto, Head, Method, PerformanceHint, Precision, Score

_GRAPH_MODULES: Final = (
    "live_cam.explain.runtime.step_graph",
    "live_cam.explain.runtime.fold_batch_norm",
    "live_cam.explain.runtime.grouped_convolution",
    "live_cam.explain.runtime.conversion",
    "live_cam.explain.runtime.gradient_rules",
    "live_cam.explain.runtime.known",
    "live_cam.explain.runtime.resize_rules",
    "live_cam.explain.runtime.window_rules",
    "live_cam.models.copy_layer",
    "live_cam.models.network",
    "live_cam.models.flatten",
    "live_cam.models.resnet50",
)
_CAPABILITIES: Final[dict[Precision, str]] = {
    "float32": "FP32",
    "bfloat16": "BF16",
    "float16": "FP16",
    "int8": "INT8",
}
_ACTIVATION_BYTES: Final = 12_000_000
"""Of each frame, in float32. Together 0 to 20 % more than what was measured at five layers."""


def devices() -> list[str]:
    """Returns the devices available to OpenVINO, such as `CPU`, `GPU.1` or `NPU`."""
    return list(core().available_devices)


def device_names() -> dict[str, str]:
    """Returns the devices with what each is, such as the name of the processor."""
    names = dict.fromkeys(core().available_devices, "unknown")
    for device in names:
        with suppress(RuntimeError):  # of a driver that is broken
            names[device] = str(core().get_property(device, "FULL_DEVICE_NAME"))
    return names


def require_device(device: str) -> None:
    """Raises `UsageError` if OpenVINO has no such device; `GPU` is the first of several."""
    available = devices()
    if device not in available and device not in {name.partition(".")[0] for name in available}:
        raise UsageError(f"OpenVINO has no device {device!r} on this machine; available: {', '.join(available)}")


def choose_precision(precision: Precision | Auto, device: str = "CPU") -> Precision:
    """Returns the precision, or for "auto" the fastest that the device supports natively.

    Raises:
        UsageError: The device does not support it, and would silently use another.
    """
    capabilities = core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    supported = [each for each, name in _CAPABILITIES.items() if name in capabilities]
    if precision == "auto":
        fastest: Precision = "bfloat16" if device == "CPU" else "float16"
        return fastest if fastest in supported else "float32"
    if precision not in supported:
        raise UsageError(f"OpenVINO's device {device} computes in {' or '.join(supported)} here, not in {precision}")
    return precision


class OpenVinoStep:
    """The step compiled for an OpenVINO device.

    Attributes:
        classes: The number of logits.
    """

    def __init__(
        self,
        convert: Callable[[int, int, Path], None],
        input_px: tuple[int, int],
        classes: int,
        cache: Path,
        depends_on: Sequence[str],
        precision: Precision,
        device: str = "CPU",
        performance_hint: PerformanceHint = "latency",
        made_from: OpenVinoStep | None = None,
        score: Score = "logit",
        head: Head = "softmax",
    ) -> None:
        """Prepares the step; the first call of each (N, K) compiles it.

        Args:
            convert: Writes the model for N frames and K targets to an .xml file; called if the cache lacks it.
            input_px: Height and width of the input.
            classes: The number of logits.
            cache: The directory of converted steps.
            depends_on: What distinguishes this step from others: weights digest, layers, score.
            precision: What the network computes in.
            device: OpenVINO's name of the device.
            performance_hint: With "latency" the whole device computes a call at once; with "throughput" it computes
                the frames of a call in parallel, one on each part of it: more frames per second, each of which takes
                longer.
            made_from: The step whose converted models this one's are made from, and which are converted first.
            score: What is explained.
            head: How probabilities follow from the logits.
        """
        self.classes = classes
        self._input_px = input_px
        self._in_parallel = performance_hint == "throughput"
        self._made_from = made_from
        self._score: Score = score
        self._head_type: Head = head
        self._linear_cam: LinearCam | None = None
        self._convert = convert
        self._files = StepFiles(cache)
        self._depends_on = [*depends_on, _graph_digest(cache)]
        self._device = device
        self._relative_size = 0.5 if precision in ("bfloat16", "float16") else 1.0  # int8 is in the file already
        self._in_bfloat16 = precision == "bfloat16"
        self._options = {
            "PERFORMANCE_HINT": performance_hint.upper(),
            "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision],
        }
        self._compiled: dict[tuple[int, int], CompiledStep] = {}

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame for each of its targets; see `TensorFlowStep.__call__`."""
        compiled = self._get_compiled(len(frames), targets.shape[1])
        if self._linear_cam is not None:
            activations, logits = self.activations(frames)
            return linear_maps(self._linear_cam, activations, logits, targets, method), logits
        parts = []
        for *features, logits in compiled.infer(frames, targets):
            layers_n = len(features) // 2
            parts.append((saliency_maps(method, features[:layers_n], features[layers_n:]), logits.copy()))
        maps, logits = (each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*parts, strict=True))
        return maps, logits

    @property
    def linear_cam(self) -> LinearCam | None:
        """What explains any targets from the activation; None where the head is not linear, or nothing is compiled."""
        return self._linear_cam

    def activations(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the activations (N, h, w, channels) and the logits (N, classes), where there is a `linear_cam`."""
        parts = [(each.copy(), logits.copy()) for each, logits in self._get_compiled(len(frames), 1).infer(frames)]
        activations, logits = (each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*parts, strict=True))
        return activations, logits

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of `frames`, without an explanation."""
        return np.concatenate([logits for (logits,) in self._get_compiled(len(frames), 0).infer(frames)])

    @property
    def memory_bytes(self) -> int:
        """About how much memory all that is compiled takes."""
        return sum(each.memory_bytes for each in tuple(self._compiled.values()))

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:
        """Whether N frames can be explained for K targets without compiling first."""
        return self._find_compiled(batch_size, num_targets) is not None

    def prepare(
        self,
        batch_size: int,
        num_targets: int,
        frame_px: tuple[int, int] = (1, 1),  # noqa: ARG002
        make_room: MakeRoom = unlimited,
    ) -> None:
        """Compiles for N frames and K targets, or any K where the head is linear; see `TensorFlowStep.prepare`."""
        if self._find_compiled(batch_size, num_targets) is None:
            compiled = self._compile(self._compiled_batch_size(batch_size), num_targets, make_room)
            self._compiled[compiled.batch_size, compiled.num_targets] = compiled

    def _get_compiled(self, batch_size: int, num_targets: int) -> CompiledStep:
        self.prepare(batch_size, num_targets)
        compiled = self._find_compiled(batch_size, num_targets)
        assert compiled is not None
        return compiled

    def _find_compiled(self, batch_size: int, num_targets: int) -> CompiledStep | None:
        if self._linear_cam is not None:
            num_targets = min(num_targets, 1)
        return self._compiled.get((self._compiled_batch_size(batch_size), num_targets))

    def _compiled_batch_size(self, batch_size: int) -> int:
        return 1 if self._in_parallel else batch_size

    def _compile(self, batch_size: int, num_targets: int, make_room: MakeRoom) -> CompiledStep:
        mapped = self.read_converted(batch_size, num_targets)
        memory_bytes = self._estimate_memory(len(mapped.weights), batch_size)
        make_room(memory_bytes)
        model = mapped.model
        if num_targets:
            self._linear_cam = self._linear_cam or self._find_linear_cam(model)
            if self._linear_cam is not None:
                model, num_targets = without_gradients(model), 1
        model = _output_bfloat16(model) if self._in_bfloat16 else model
        compiled = core().compile_model(model, self._device, self._options)
        streams_n = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        requests = [
            (compiled.create_infer_request(), np.zeros((batch_size, *self._input_px, 3), np.uint8))
            for _ in range(QUEUED_PER_STREAM * streams_n if self._in_parallel else 1)
        ]
        # The first call of all costs more.
        targets = [np.zeros((batch_size, num_targets, self.classes), np.float32)] if len(model.inputs) > 1 else []
        requests[0][0].infer([requests[0][1], *targets])
        mapped.unload()
        return CompiledStep(mapped, requests, batch_size, num_targets, memory_bytes)

    def _find_linear_cam(self, model: ov.Model) -> LinearCam | None:
        head = find_head(model)
        return None if head is None else LinearCam(head, self._score, self._head_type)

    def find_converted(self, batch_size: int, num_targets: int) -> Path | None:
        """Returns the .xml file of the step for N frames and K targets; None if it was not converted yet."""
        return self._files.find(self._key(batch_size, num_targets))

    def read_converted(self, batch_size: int, num_targets: int) -> MappedModel:
        """Returns the model for N frames and K targets as it was converted, which takes ten seconds the first time."""
        if self.find_converted(batch_size, num_targets) is None:
            if self._made_from is None:
                require_tensorflow()
            else:
                self._made_from.read_converted(batch_size, num_targets)  # not within `load`, which locks the folder
        return self._files.load(
            self._key(batch_size, num_targets),
            lambda path: MappedModel.read(core(), path),
            lambda path: self._convert(batch_size, num_targets, path),
        )

    def _key(self, batch_size: int, num_targets: int) -> str:
        key = json.dumps([*self._depends_on, batch_size, num_targets])
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def _estimate_memory(self, weights_bytes: int, batch_size: int) -> int:
        """Estimates what a compiled model takes: its own copy of the weights, and its activations."""
        return round((weights_bytes * COPIES_OF_WEIGHTS + batch_size * _ACTIVATION_BYTES) * self._relative_size)


def _output_bfloat16(model: ov.Model) -> ov.Model:
    """Makes bfloat16 the type of all outputs but the last, the logits.

    Otherwise OpenVINO's CPU plugin computes in float32 whatever lies between an output and the convolutions before it:
    for an activation all the shortcut additions, for a gradient the transposed convolutions.
    """
    processor = PrePostProcessor(model)
    for i in range(len(model.outputs) - 1):
        processor.output(i).tensor().set_element_type(ov.Type.bf16)
    return processor.build()


def _graph_digest(cache: Path) -> str:
    """Returns a digest of what else a converted step depends on: the source of the graph, and the converter."""
    package = resources.files("live_cam")
    sources = [
        package.joinpath(*name.split(".")[1:-1], f"{name.rpartition('.')[2]}.py").read_text("utf-8")
        for name in _GRAPH_MODULES
    ]
    versions = [*converter_versions(cache), version("openvino")]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()
