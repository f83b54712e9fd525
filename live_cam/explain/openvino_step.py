"""The step on OpenVINO: TensorFlow's definition of it, frozen, converted once, and kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
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
from live_cam.explain.inputs import INPUT_PX, resize_to_input
from live_cam.explain.methods import saliency_maps
from live_cam.frame import Auto, Method, Precision

_DEFINITION_FILES: Final = ("definition.py", "folding.py", "network.py", "conversion.py")
_HINTS: Final[dict[Precision, str]] = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
_CAPABILITIES: Final[dict[Precision, str]] = {"float32": "FP32", "bfloat16": "BF16", "float16": "FP16"}
_MODEL_NAME: Final = "step.xml"
_KEPT_STEPS: Final = 18
"""Each takes 100 MB of disk."""
_WAITING_N: Final = 4
"""Requests for each that can be computed at a time, so that none has to wait for the next."""

_Request = tuple[ov.InferRequest, NDArray[np.uint8]]


def devices() -> list[str]:
    """Gives the devices that OpenVINO reaches, such as `CPU`, `GPU.1` or `NPU`."""
    return list(ov.Core().available_devices)


def require_device(device: str) -> None:
    """Makes sure that OpenVINO reaches a device; `GPU` is the first of several.

    Raises:
        UsageError: It does not.
    """
    reached = devices()
    if device not in reached and device not in {name.partition(".")[0] for name in reached}:
        raise UsageError(f"OpenVINO reaches no device {device!r} on this machine; it reaches {', '.join(reached)}")


def choose_precision(asked: Precision | Auto, device: str = "CPU") -> Precision:
    """Gives the precision asked for, or the fastest in which the device computes by nature.

    Raises:
        UsageError: The device does not compute in it, and would silently take another.
    """
    capabilities = ov.Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    capable = [precision for precision, name in _CAPABILITIES.items() if name in capabilities]
    if asked == "auto":
        fastest: Precision = "bfloat16" if device == "CPU" else "float16"
        return fastest if fastest in capable else "float32"
    if asked not in capable:
        raise UsageError(f"OpenVINO's device {device} computes in {' or '.join(capable)} here, not in {asked}")
    return asked


class OpenVinoStep:
    """The compiled step on a device of OpenVINO's.

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
        side_by_side: bool = False,
    ) -> None:
        """Prepares the step; each (N, K) is compiled by its first call.

        Args:
            convert: Writes the model for N frames and K targets to an .xml file; called when the cache lacks it.
            cache: The folder that holds converted steps.
            depends_on: What tells this step from another: weights digest, layers, score.
            precision: What the network computes in.
            device: OpenVINO's name of the device.
            side_by_side: Whether each frame of a call is computed on a part of the device, beside others, rather than
                all of them by all of it: more frames a second, each of which takes longer.
        """
        self._side_by_side = side_by_side
        self._convert = convert
        self._cache = cache
        self._depends_on = [*depends_on, _definition_digest()]
        self._core = ov.Core()
        self._device = device
        self._in_bfloat16 = precision == "bfloat16"
        hint = "THROUGHPUT" if side_by_side else "LATENCY"
        self._options = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": _HINTS[precision]}
        self._compiled: dict[tuple[int, int], list[_Request]] = {}

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame once for each of its targets; see `TensorFlowStep.__call__`."""
        parts = []
        for *features, logits in self._infer(frames, targets.shape[1], targets):
            layers_n = len(features) // 2
            parts.append((saliency_maps(method, features[:layers_n], features[layers_n:]), logits.copy()))
        maps, logits = (each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*parts, strict=True))
        return maps, logits

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gives the logits float32 (N, classes) of `frames` and explains nothing."""
        return np.concatenate([logits for (logits,) in self._infer(frames, 0)])

    def is_prepared(self, frames_n: int, targets_k: int) -> bool:
        """Tells whether N frames can be explained for K targets without compiling first."""
        return (1 if self._side_by_side else frames_n, targets_k) in self._compiled

    def prepare(self, frames_n: int, targets_k: int, frame_px: tuple[int, int] = (INPUT_PX, INPUT_PX)) -> None:  # noqa: ARG002 (all sizes are compiled alike)
        """Compiles for N frames and K targets; see `TensorFlowStep.prepare`."""
        size = 1 if self._side_by_side else frames_n, targets_k
        if size not in self._compiled:
            self._compiled[size] = self._compile(*size)

    def _infer(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], targets_k: int, *targets: NDArray[np.float32]
    ) -> Iterator[list[NDArray[np.float32]]]:
        """Gives the outputs for some of the frames after the other; they hold until the next are asked for."""
        self.prepare(len(frames), targets_k)
        frames_n = 1 if self._side_by_side else len(frames)
        requests = self._compiled[frames_n, targets_k]
        for begin in range(0, len(frames), frames_n * len(requests)):
            started = []
            for part, (request, pictures) in zip(range(begin, len(frames), frames_n), requests, strict=False):
                rows = slice(part, part + frames_n)
                resize_to_input(frames[rows], pictures)
                request.start_async([pictures, *(target[rows] for target in targets)], share_inputs=True)
                started.append(request)
            for request in started:
                request.wait()
                yield [_as_float32(tensor) for tensor in request.output_tensors]

    def _compile(self, frames_n: int, targets_k: int) -> list[_Request]:
        key = hashlib.sha256(json.dumps([*self._depends_on, frames_n, targets_k]).encode()).hexdigest()
        folder = self._cache / f"step-{key[:16]}"
        with self._lock():
            model = self._read(folder) or self._make(frames_n, targets_k, folder)
        if self._in_bfloat16:
            model = _give_bfloat16(model)
        compiled = self._core.compile_model(model, self._device, self._options)
        requests_n = _WAITING_N * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") if self._side_by_side else 1
        requests = [
            (compiled.create_infer_request(), np.zeros((frames_n, INPUT_PX, INPUT_PX, 3), np.uint8))
            for _ in range(requests_n)
        ]
        # The first call of all costs more.
        nothing = [np.zeros((frames_n, targets_k, self.classes), np.float32)] if targets_k else []
        requests[0][0].infer([requests[0][1], *nothing])
        return requests

    def _lock(self) -> AbstractContextManager[object]:
        """Keeps other processes from converting the same meanwhile, where the cache can be written at all."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            return FileLock(self._cache / "steps.lock").acquire()
        except OSError:
            return nullcontext()

    def _read(self, folder: Path) -> ov.Model | None:
        try:
            model = self._core.read_model(folder / _MODEL_NAME)
        except RuntimeError:  # not there, or spoilt
            return None
        with suppress(OSError):
            os.utime(folder)
        return model

    def _make(self, frames_n: int, targets_k: int, folder: Path) -> ov.Model:
        """Converts, into `folder`, which then holds all of it, or where that can't be written, for this time only."""
        partial = self._cache / "step.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            self._convert(frames_n, targets_k, partial / _MODEL_NAME)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except LiveCamError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
                self._convert(frames_n, targets_k, Path(temporary) / _MODEL_NAME)
                return self._core.read_model(Path(temporary) / _MODEL_NAME)
        self._prune()
        return self._core.read_model(folder / _MODEL_NAME)

    def _prune(self) -> None:
        """Removes the steps that nobody has used for longest."""
        with suppress(OSError):
            by_last_use = sorted(self._cache.glob("step-*"), key=lambda path: path.stat().st_mtime_ns)
            for unused in by_last_use[:-_KEPT_STEPS]:
                shutil.rmtree(unused, ignore_errors=True)


def _give_bfloat16(model: ov.Model) -> ov.Model:
    """Lets all outputs but the last, the logits, leave the model in bfloat16.

    Else OpenVINO's CPU plugin computes in float32 whatever lies between an output and the convolutions before it, which
    for an activation are all the sums beside the shortcuts, and for a gradient the transposed convolutions.
    """
    changed = PrePostProcessor(model)
    for i in range(len(model.outputs) - 1):
        changed.output(i).tensor().set_element_type(ov.Type.bf16)
    return changed.build()


def _as_float32(tensor: ov.Tensor) -> NDArray[np.float32]:
    """Gives what a tensor holds, without a copy where it is float32."""
    data: NDArray[np.float32] = tensor.data
    if tensor.element_type == ov.Type.bf16:  # the upper halves of float32, for which numpy has no type
        data = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return data


def _definition_digest() -> str:
    """Gives a digest of what else the converted step depends on: our definition of it and the converter."""
    here = Path(__file__).parent
    sources = [(here / name).read_text("utf-8") for name in _DEFINITION_FILES]
    versions = [version(name) for name in ("tensorflow", "keras", "openvino")]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()
