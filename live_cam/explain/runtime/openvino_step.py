"""The step on OpenVINO: TensorFlow's graph, frozen, converted once, and cached on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import openvino as ov
from filelock import FileLock
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

from live_cam.errors import LiveCamError, UsageError
from live_cam.explain.saliency.methods import saliency_maps
from live_cam.models.preprocess import INPUT_PX, resize_to_input
from live_cam.types import Auto, Method, PerformanceHint, Precision

_GRAPH_MODULES: Final = (
    "live_cam.explain.runtime.step_graph",
    "live_cam.explain.runtime.fold_batch_norm",
    "live_cam.explain.runtime.conversion",
    "live_cam.models.resnet50",
)
_PRECISION_HINTS: Final[dict[Precision, str]] = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
_CAPABILITIES: Final[dict[Precision, str]] = {"float32": "FP32", "bfloat16": "BF16", "float16": "FP16"}
_MODEL_NAME: Final = "step.xml"
_MAX_CACHED_STEPS: Final = 18
"""Each takes 98 to 174 MB of disk."""
_QUEUED_PER_STREAM: Final = 4
"""Requests per stream of the device, so that no stream waits for its next input."""

_Request = tuple[ov.InferRequest, NDArray[np.uint8]]


def devices() -> list[str]:
    """Returns the devices available to OpenVINO, such as `CPU`, `GPU.1` or `NPU`."""
    return list(ov.Core().available_devices)


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
    capabilities = ov.Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
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

    classes = 1000

    def __init__(
        self,
        convert: Callable[[int, int, Path], None],
        cache: Path,
        depends_on: Sequence[str],
        precision: Precision,
        device: str = "CPU",
        performance_hint: PerformanceHint = "latency",
    ) -> None:
        """Prepares the step; the first call of each (N, K) compiles it.

        Args:
            convert: Writes the model for N frames and K targets to an .xml file; called if the cache lacks it.
            cache: The directory of converted steps.
            depends_on: What distinguishes this step from others: weights digest, layers, score.
            precision: What the network computes in.
            device: OpenVINO's name of the device.
            performance_hint: With "latency" the whole device computes a call at once; with "throughput" it computes
                the frames of a call in parallel, one on each part of it: more frames per second, each of which takes
                longer.
        """
        self._in_parallel = performance_hint == "throughput"
        self._convert = convert
        self._cache = cache
        self._depends_on = [*depends_on, _graph_digest()]
        self._core = ov.Core()
        self._device = device
        self._in_bfloat16 = precision == "bfloat16"
        self._options = {
            "PERFORMANCE_HINT": performance_hint.upper(),
            "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        }
        self._compiled: dict[tuple[int, int], list[_Request]] = {}

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame for each of its targets; see `TensorFlowStep.__call__`."""
        parts = []
        for *features, logits in self._infer(frames, targets.shape[1], targets):
            layers_n = len(features) // 2
            parts.append((saliency_maps(method, features[:layers_n], features[layers_n:]), logits.copy()))
        maps, logits = (each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*parts, strict=True))
        return maps, logits

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of `frames`, without an explanation."""
        return np.concatenate([logits for (logits,) in self._infer(frames, 0)])

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:
        """Whether N frames can be explained for K targets without compiling first."""
        return (self._compiled_batch_size(batch_size), num_targets) in self._compiled

    def prepare(self, batch_size: int, num_targets: int, frame_px: tuple[int, int] = (INPUT_PX, INPUT_PX)) -> None:  # noqa: ARG002
        """Compiles for N frames and K targets; see `TensorFlowStep.prepare`."""
        size = self._compiled_batch_size(batch_size), num_targets
        if size not in self._compiled:
            self._compiled[size] = self._compile(*size)

    def _compiled_batch_size(self, batch_size: int) -> int:
        return 1 if self._in_parallel else batch_size

    def _infer(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], num_targets: int, *targets: NDArray[np.float32]
    ) -> Iterator[list[NDArray[np.float32]]]:
        """Yields the outputs for one part of the frames after the other; each is valid until the next."""
        self.prepare(len(frames), num_targets)
        batch_size = self._compiled_batch_size(len(frames))
        requests = self._compiled[batch_size, num_targets]
        for begin in range(0, len(frames), batch_size * len(requests)):
            started = []
            for part, (request, inputs) in zip(range(begin, len(frames), batch_size), requests, strict=False):
                rows = slice(part, part + batch_size)
                resize_to_input(frames[rows], inputs)
                request.start_async([inputs, *(target[rows] for target in targets)], share_inputs=True)
                started.append(request)
            for request in started:
                request.wait()
                yield [_as_float32(tensor) for tensor in request.output_tensors]

    def _compile(self, batch_size: int, num_targets: int) -> list[_Request]:
        key = hashlib.sha256(json.dumps([*self._depends_on, batch_size, num_targets]).encode()).hexdigest()
        folder = self._cache / f"step-{key[:16]}"
        with self._lock():
            model = self._read(folder) or self._convert_into(folder, batch_size, num_targets)
        if self._in_bfloat16:
            model = _output_bfloat16(model)
        compiled = self._core.compile_model(model, self._device, self._options)
        streams_n = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        requests = [
            (compiled.create_infer_request(), np.zeros((batch_size, INPUT_PX, INPUT_PX, 3), np.uint8))
            for _ in range(_QUEUED_PER_STREAM * streams_n if self._in_parallel else 1)
        ]
        # The first call of all costs more.
        targets = [np.zeros((batch_size, num_targets, self.classes), np.float32)] if num_targets else []
        requests[0][0].infer([requests[0][1], *targets])
        return requests

    def _lock(self) -> AbstractContextManager[object]:
        """Keeps other processes from converting the same step meanwhile, if the cache is writable at all."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            return FileLock(self._cache / "steps.lock").acquire()
        except OSError:
            return nullcontext()

    def _read(self, folder: Path) -> ov.Model | None:
        try:
            model = self._core.read_model(folder / _MODEL_NAME)
        except RuntimeError:  # missing or corrupt
            return None
        with suppress(OSError):
            os.utime(folder)
        return model

    def _convert_into(self, folder: Path, batch_size: int, num_targets: int) -> ov.Model:
        """Converts into `folder`, which then contains the whole model; if it is not writable, for this run only."""
        partial = self._cache / "step.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            self._convert(batch_size, num_targets, partial / _MODEL_NAME)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except LiveCamError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
                self._convert(batch_size, num_targets, Path(temporary) / _MODEL_NAME)
                return self._core.read_model(Path(temporary) / _MODEL_NAME)
        self._prune()
        return self._core.read_model(folder / _MODEL_NAME)

    def _prune(self) -> None:
        """Removes the least recently used steps."""
        with suppress(OSError):
            by_last_use = sorted(self._cache.glob("step-*"), key=lambda path: path.stat().st_mtime_ns)
            for unused in by_last_use[:-_MAX_CACHED_STEPS]:
                shutil.rmtree(unused, ignore_errors=True)


def _output_bfloat16(model: ov.Model) -> ov.Model:
    """Makes bfloat16 the type of all outputs but the last, the logits.

    Otherwise OpenVINO's CPU plugin computes in float32 whatever lies between an output and the convolutions before it:
    for an activation all the shortcut additions, for a gradient the transposed convolutions.
    """
    processor = PrePostProcessor(model)
    for i in range(len(model.outputs) - 1):
        processor.output(i).tensor().set_element_type(ov.Type.bf16)
    return processor.build()


def _as_float32(tensor: ov.Tensor) -> NDArray[np.float32]:
    """Returns the values of a tensor, without a copy if they are float32."""
    data: NDArray[np.float32] = tensor.data
    if tensor.element_type == ov.Type.bf16:  # the upper halves of float32; numpy has no such type
        data = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return data


def _graph_digest() -> str:
    """Returns a digest of what else a converted step depends on: the source of the graph, and the converter."""
    package = resources.files("live_cam")
    sources = [
        package.joinpath(*name.split(".")[1:-1], f"{name.rpartition('.')[2]}.py").read_text("utf-8")
        for name in _GRAPH_MODULES
    ]
    versions = [version(name) for name in ("tensorflow", "keras", "openvino")]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()
