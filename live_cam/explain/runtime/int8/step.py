"""The step in int8, with the same in float32 behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.runtime.select import MakeRoom, Step, unlimited
from live_cam.explain.saliency.linear_cam import LinearCam
from live_cam.types import Method, Precision

_MODULES: Final = ("channels.py", "convolutions.py", "quantise.py")


class Int8Step:
    """A step in int8 that can be checked against float32, and gives way to it.

    Attributes:
        classes: The number of logits.
        precision: What `__call__` computes in.
        int8, float32: Both steps; that in float32 is compiled when it is used.
    """

    def __init__(self, int8: Step, float32: Step) -> None:
        """Starts in int8."""
        self.classes = int8.classes
        self.precision: Precision = "int8"
        self.int8 = int8
        self.float32 = float32

    def __call__(
        self,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        targets: NDArray[np.float32],
        method: Method = "gradcam",
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Explains each frame for each of its targets; see `TensorFlowStep.__call__`."""
        return self._current(frames, targets, method)

    def forward(self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the logits float32 (N, classes) of `frames`, in float32: what int8 is compared with."""
        return self.float32.forward(frames)

    @property
    def linear_cam(self) -> LinearCam | None:
        """What explains any targets from the activation; None where the head is not linear, or nothing is compiled."""
        return self._current.linear_cam

    def activations(
        self, frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the activations (N, h, w, channels) and the logits (N, classes), where there is a `linear_cam`."""
        return self._current.activations(frames)

    @property
    def memory_bytes(self) -> int:
        """About how much memory both take."""
        return self.int8.memory_bytes + self.float32.memory_bytes

    def is_prepared(self, batch_size: int, num_targets: int) -> bool:
        """Whether N frames can be explained for K targets without compiling first."""
        return self._current.is_prepared(batch_size, num_targets)

    def prepare(
        self,
        batch_size: int,
        num_targets: int,
        frame_px: tuple[int, int] = (1, 1),
        make_room: MakeRoom = unlimited,
    ) -> None:
        """Compiles for N frames and K targets; see `TensorFlowStep.prepare`."""
        self._current.prepare(batch_size, num_targets, frame_px, make_room)

    def give_way(self) -> None:
        """Computes in float32 from the next call on, which has to be prepared."""
        self.precision = "float32"

    @property
    def _current(self) -> Step:
        return self.int8 if self.precision == "int8" else self.float32


def in_float32(step: Step) -> Step:
    """Returns a step in float32 in place of one in int8, compiled for one frame; others as they are."""
    if not isinstance(step, Int8Step):
        return step
    step.float32.prepare(1, 1)
    return step.float32


def in_each_precision(step: Step) -> tuple[Step, ...]:
    """Returns a step in int8 and the same in float32; of others themselves."""
    return (step.int8, step.float32) if isinstance(step, Int8Step) else (step,)


def precision_of(step: Step, of_backend: Precision) -> Precision:
    """Returns what a step computes in: on a backend of int8 some do in float32."""
    if isinstance(step, Int8Step):
        return step.precision
    return "float32" if of_backend == "int8" else of_backend


def quantiser_digest() -> str:
    """Returns a digest of the source that puts ranges into a graph, on which a converted step depends."""
    package = resources.files("live_cam.explain.runtime.int8")
    sources = [package.joinpath(name).read_text("utf-8") for name in _MODULES]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()
