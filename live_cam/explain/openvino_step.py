"""The step on OpenVINO: TensorFlow's definition of it, frozen, converted once, and kept on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from live_cam.frame import Precision

# OpenVINO tells its makers over the network that it was imported; where this part of it is missing, it does not.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as ov  # noqa: E402

if TYPE_CHECKING:
    from live_cam.explain.step import TensorFlowStep

_DEVICE = "CPU"
_DEFINITION_FILES = ("step.py", "methods.py", "network.py", "conversion.py")
_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16"}


def best_precision() -> Precision:
    """Gives bfloat16 where the processor computes in it, else float32."""
    capable = "BF16" in ov.Core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
    return "bfloat16" if capable else "float32"


class OpenVinoStep:
    """The compiled step on a processor; TensorFlow is imported only to convert what the cache does not hold.

    Attributes:
        classes: The number of logits.
    """

    classes = 1000

    def __init__(
        self, define: Callable[[], TensorFlowStep], cache: Path, depends_on: Sequence[str], precision: Precision
    ) -> None:
        """Prepares the step; each (N, K) is compiled by its first call.

        Args:
            define: Makes the TensorFlow step to convert; called when the cache lacks it.
            cache: The folder that holds converted steps.
            depends_on: What tells this step from another: weights digest, layer, method, score.
            precision: What the network computes in.
        """
        self._define = define
        self._cache = cache
        self._depends_on = [*depends_on, _definition_digest()]
        self._core = ov.Core()
        self._options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[precision]}
        self._requests: dict[tuple[int, int], ov.InferRequest] = {}

    def __call__(
        self, frames: NDArray[np.uint8], targets: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame once for each of its targets; see `TensorFlowStep.__call__`."""
        size = targets.shape[0], targets.shape[1]
        if size not in self._requests:
            self._requests[size] = self._compile(*size)
        results = self._requests[size].infer([frames, targets], share_inputs=True)
        return np.array(results[0]), np.array(results[1])

    def _compile(self, frames_n: int, targets_k: int) -> ov.InferRequest:
        key = hashlib.sha256(json.dumps([*self._depends_on, frames_n, targets_k]).encode()).hexdigest()
        folder = self._cache / f"step-{key[:16]}"
        with self._lock():
            model = self._read(folder)
            if model is None:
                from live_cam.explain.conversion import convert

                model = convert(self._define().concrete(frames_n, targets_k))
                self._keep(model, folder)
        return self._core.compile_model(model, _DEVICE, self._options).create_infer_request()

    def _lock(self) -> AbstractContextManager[object]:
        """Keeps other processes from converting the same meanwhile, where the cache can be written at all."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            return FileLock(self._cache / "steps.lock").acquire()
        except OSError:
            return nullcontext()

    def _read(self, folder: Path) -> ov.Model | None:
        try:
            return self._core.read_model(folder / "step.xml")
        except RuntimeError:  # not there, or spoilt
            return None

    def _keep(self, model: ov.Model, folder: Path) -> None:
        """Writes the model into `folder`, which then holds all of it; if that fails, the next start converts anew."""
        partial = self._cache / "step.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            ov.save_model(model, partial / "step.xml", compress_to_fp16=False)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except (OSError, RuntimeError):  # the latter is OpenVINO's word for a full disk
            shutil.rmtree(partial, ignore_errors=True)


def _definition_digest() -> str:
    """Gives a digest of what else the converted step depends on: our definition of it and the converter."""
    here = Path(__file__).parent
    sources = [(here / name).read_text("utf-8") for name in _DEFINITION_FILES]
    versions = [version(name) for name in ("tensorflow", "keras", "openvino")]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()
