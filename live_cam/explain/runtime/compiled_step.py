"""The step compiled for OpenVINO, and how it is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from live_cam.explain.runtime.mapped_model import MappedModel
from live_cam.models.preprocess import resize_to_input
from live_cam.types import Precision

PRECISION_HINTS: Final[dict[Precision, str]] = {
    "float32": "f32",
    "bfloat16": "bf16",
    "float16": "f16",
    "int8": "f32",
}
"""OpenVINO's names; where a graph is quantised, what is left computes in float32."""

COPIES_OF_WEIGHTS: Final = 1.4
"""What a compiled model takes for its weights, of their own size."""

QUEUED_PER_STREAM: Final = 4
"""Requests per stream of the device, so that no stream waits for its next input."""

Request = tuple[ov.InferRequest, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """The step for one number of frames and of targets.

    Attributes:
        model: What it was compiled from.
        requests: What it runs in, each with the tensor of its frames.
        batch_size, num_targets: N and K; K = 0 is the forward pass alone.
        memory_bytes: About how much memory it takes.
    """

    model: MappedModel | ov.Model
    requests: list[Request]
    batch_size: int
    num_targets: int
    memory_bytes: int

    def infer(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], *targets: NDArray[np.float32]
    ) -> Iterator[list[NDArray[np.float32]]]:
        """Yields the outputs for one part of the frames after the other; each is valid until the next."""
        for begin in range(0, len(frames), self.batch_size * len(self.requests)):
            started = []
            for part, (request, inputs) in zip(range(begin, len(frames), self.batch_size), self.requests, strict=False):
                rows = slice(part, part + self.batch_size)
                resize_to_input(frames[rows], inputs)
                request.start_async([inputs, *(target[rows] for target in targets)], share_inputs=True)
                started.append(request)
            for request in started:
                request.wait()
                yield [_as_float32(tensor) for tensor in request.output_tensors]


def _as_float32(tensor: ov.Tensor) -> NDArray[np.float32]:
    """Returns the values of a tensor, without a copy if they are float32."""
    data: NDArray[np.float32] = tensor.data
    if tensor.element_type == ov.Type.bf16:  # the upper halves of float32; numpy has no such type
        data = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return data
