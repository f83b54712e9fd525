"""The step of a network without gradients: exact where its head is linear, else Recipro-CAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from live_cam.explain.runtime.batching import linear_maps
from live_cam.explain.runtime.compiled_step import COPIES_OF_WEIGHTS, PRECISION_HINTS, QUEUED_PER_STREAM, CompiledStep
from live_cam.explain.runtime.masked_scores import MaskedScores
from live_cam.explain.runtime.select import MakeRoom, unlimited
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.explain.saliency.methods import saliency_maps
from live_cam.explain.saliency.recipro_cam import recipro_cam
from live_cam.explain.saliency.targets import probabilities, resolve_targets
from live_cam.models.openvino_files.core import core
from live_cam.models.openvino_files.network import OpenVinoNetwork
from live_cam.models.preprocessing import Preprocessing
from live_cam.types import CLASSLESS_METHODS, Method, PerformanceHint, Precision, Score

Array = NDArray[np.float32]

_VALUES_AT_ONCE: Final = 3


class CamStep:
    """The step of a network from a file of ONNX, OpenVINO or TFLite, compiled once for all N and K.

    Attributes:
        classes: The number of logits.
        linear_cam: What explains any targets from the activation; None where the head is not linear.
    """

    def __init__(
        self,
        network: OpenVinoNetwork,
        preprocessing: Preprocessing,
        score: Score = "logit",
        precision: Precision = "float32",
        device: str = "CPU",
        performance_hint: PerformanceHint = "latency",
    ) -> None:
        """Prepares the step; the first call compiles it.

        Args:
            network: What to explain.
            preprocessing: What the network takes.
            score: What is explained.
            precision: What the network computes in.
            device: OpenVINO's name of the device.
            performance_hint: With "latency" the whole device computes one frame after the other, with "throughput"
                several at once.
        """
        self.classes = network.classes
        self._network = network
        self._preprocessing = preprocessing
        self._score = score
        self._device = device
        self._options = {
            "PERFORMANCE_HINT": performance_hint.upper(),
            "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision],
        }
        self.linear_cam = None if network.head is None else LinearCam(network.head, score, network.activation)
        self._compiled: CompiledStep | None = None
        self._masked: MaskedScores | None = None

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: Array,
        method: Method = "gradcam",
    ) -> tuple[Array, Array]:
        """Explains each frame for each of its targets; see `TensorFlowStep.__call__`.

        Without a linear head all methods that depend on the target are Recipro-CAM.
        """
        if self.linear_cam is not None:
            activations, every_logits = self.activations(frames)
            return linear_maps(self.linear_cam, activations, every_logits, targets, method), every_logits
        maps, all_logits = [], []
        for rows, (activation, logits) in zip(targets, self._get_compiled().infer(frames), strict=True):
            maps.append(self._explain(method, activation, resolve_targets(rows, logits[0])))
            all_logits.append(logits.copy())
        return np.stack(maps), np.concatenate(all_logits)

    def activations(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> tuple[Array, Array]:
        """Returns the activations (N, h, w, channels) and the logits (N, classes)."""
        parts = [(each.copy(), logits.copy()) for each, logits in self._get_compiled().infer(frames)]
        activations, logits = zip(*parts, strict=True)
        return np.concatenate(activations), np.concatenate(logits)

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Array:
        """Returns the logits float32 (N, classes) of `frames`, without an explanation."""
        return np.concatenate([logits.copy() for _, logits in self._get_compiled().infer(frames)])

    @property
    def memory_bytes(self) -> int:
        """About how much memory all that is compiled takes."""
        return 0 if self._compiled is None else self._compiled.memory_bytes

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:  # noqa: ARG002
        """Whether anything can be explained without compiling first."""
        return self._compiled is not None

    def prepare(
        self,
        batch_size: int,  # noqa: ARG002
        num_targets: int,  # noqa: ARG002
        frame_px: tuple[int, int] = (0, 0),  # noqa: ARG002
        make_room: MakeRoom = unlimited,
    ) -> None:
        """Compiles if nothing is compiled yet; see `TensorFlowStep.prepare`."""
        if self._compiled is None:
            self._compiled = self._compile(make_room)

    def _get_compiled(self) -> CompiledStep:
        self.prepare(1, 1)
        assert self._compiled is not None
        return self._compiled

    def _compile(self, make_room: MakeRoom) -> CompiledStep:
        model = self._network.with_pixels(self._preprocessing)
        head_model = self._network.head_model
        memory_bytes = _memory_bytes(model) + (_memory_bytes(head_model) if head_model else 0)
        make_room(memory_bytes)
        compiled = core().compile_model(model, self._device, self._options)
        streams_n = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        in_parallel = self._options["PERFORMANCE_HINT"] == "THROUGHPUT"
        shape = tuple(model.inputs[0].shape)
        requests = [
            (compiled.create_infer_request(), np.zeros(shape, np.uint8))
            for _ in range(QUEUED_PER_STREAM * streams_n if in_parallel else 1)
        ]
        requests[0][0].infer([requests[0][1]])  # the first call of all costs more
        if head_model is not None:
            options = self._options | {"PERFORMANCE_HINT": "LATENCY"}
            self._masked = MaskedScores(core(), head_model, self._device, options)
        return CompiledStep(model, requests, 1, 0, memory_bytes)

    def _explain(self, method: Method, activation: Array, targets: Array) -> Array:
        """Returns the maps float32 (K, h, w) of one frame, whose head is not linear.

        Args:
            method: The saliency method.
            activation: float32 (1, h, w, channels).
            targets: float32 (K, classes), none of zeros.
        """
        _, height, width, channels = activation.shape
        if self._masked is not None and method not in CLASSLESS_METHODS:
            scores = self._masked.compute(activation)
            if self._score == "probability":
                scores = probabilities(scores, self._network.activation).astype(np.float32)
            return recipro_cam(scores, targets, height, width)
        nothing = np.zeros((1, len(targets), height, width, channels), np.float32)
        return np.asarray(saliency_maps(method, [activation], [nothing])[0])


def _memory_bytes(model: ov.Model) -> int:
    """Estimates what a compiled model takes: its own copy of the weights, and what it computes at the same time."""
    constants: list[int] = []
    computed: list[int] = []
    for node in model.get_ordered_ops():
        sizes = constants if node.get_type_name() == "Constant" else computed
        sizes += [_bytes(output) for output in node.outputs()]
    return round(sum(constants) * COPIES_OF_WEIGHTS) + sum(sorted(computed)[-_VALUES_AT_ONCE:])


def _bytes(output: ov.Output) -> int:
    shape = output.get_partial_shape().get_min_shape()
    return int(np.prod(tuple(shape), dtype=np.int64)) * int(output.get_element_type().size)
